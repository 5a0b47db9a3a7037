-- Results of a subject and school year, each with what its condition code tells.
SELECT
  r.student_id, r.test_program, r.test_grade, r.scale_score, r.distance AS given_distance,
  r.completed_on, r.tested_school, c.told,
  coalesce(nullif(r.include_indicator, ''), c.include_indicator,
    CASE WHEN coalesce(r.scale_score, r.distance) IS NULL THEN 'N' ELSE 'Y' END) AS indicator
FROM academic_results AS r
LEFT JOIN academic_conditions AS c ON c.condition_code = r.condition_code
WHERE r.school_year = '{school_year}' AND r.subject = '{subject}'
  AND {which} (SELECT 1 FROM academic_special AS x WHERE x.student_id = r.student_id)
