-- Results of the subjects and school years asked for, each with what its condition code tells.
-- Kept where that can be, like the enrollments; of the school of the test its number, and its code
-- only where it has none.
SELECT
  g.setting_no, g.setting_bit, {student} AS student_id, r.test_program, r.test_grade, r.scale_score,
  r.distance AS given_distance, r.completed_on, e.entity_no AS tested_no,
  CASE WHEN e.entity_no IS NULL THEN r.tested_school END AS tested_elsewhere, c.told,
  coalesce(nullif(r.include_indicator, ''), c.include_indicator,
    CASE WHEN coalesce(r.scale_score, r.distance) IS NULL THEN 'N' ELSE 'Y' END) AS indicator
FROM academic_results AS r
JOIN academic_settings AS g ON g.school_year = r.school_year AND g.subject = r.subject
LEFT JOIN academic_conditions AS c ON c.condition_code = r.condition_code
LEFT JOIN academic_entities AS e ON e.entity_id = r.tested_school
