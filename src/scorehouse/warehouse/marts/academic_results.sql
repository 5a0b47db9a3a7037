-- Summative results of some school years in the shape of accountability.academic.shapes.RESULTS.
-- A score made here comes before the delivered one. A sitting scored here says how it counts;
-- others say it by their condition code, and an invalid one is invalid whatever its score.
SELECT
  r.student_id, r.school_year, r.subject, 'SBA' AS test_program, r.test_grade,
  CAST(floor(coalesce(s.scale_score, r.scale_score) + 0.5) AS BIGINT) AS scale_score,
  CAST(NULL AS BIGINT) AS distance,
  CASE
    WHEN r.administration_condition = 'IN' OR r.validity = 'invalid' THEN 'R'
    WHEN coalesce(r.special_condition, '') <> '' THEN ''
    WHEN s.score_status = 'scored' THEN 'Y'
    WHEN s.score_status = 'lowest_score' THEN 'T'
    WHEN s.score_status = 'not_scored' THEN 'T'
    ELSE ''
  END AS include_indicator,
  coalesce(r.special_condition, '') AS condition_code,
  CAST(r.completed_at AS DATE) AS completed_on,
  coalesce(r.school_id, '') AS tested_school,
  coalesce(s.se_scale, r.se_scale) AS se_scale
FROM ({result}) AS r
LEFT JOIN scoring AS s
  ON s.opportunity_id = r.opportunity_id AND s.assessment_id = r.assessment_id
WHERE r.assessment_type = 'summative' AND r.student_id IS NOT NULL
  AND r.subject IN ('ELA', 'Math') AND r.school_year IN ({school_years})
