-- The results of a cohort's steps (year and grade pairs), each with whether its student stands
-- in all of the steps, and in one school or district in all of them, and how two steps go
-- together. Counted over results whose score counts.
SELECT
  {keys},
  CAST(count(*) AS BIGINT) AS n_scored,
  CAST(sum(CASE WHEN level = 1 THEN 1 ELSE 0 END) AS BIGINT) AS level_1,
  CAST(sum(CASE WHEN level = 2 THEN 1 ELSE 0 END) AS BIGINT) AS level_2,
  CAST(sum(CASE WHEN level = 3 THEN 1 ELSE 0 END) AS BIGINT) AS level_3,
  CAST(sum(CASE WHEN level = 4 THEN 1 ELSE 0 END) AS BIGINT) AS level_4,
  CAST(sum(CASE WHEN level = 5 THEN 1 ELSE 0 END) AS BIGINT) AS level_5,
  CAST(sum(CASE WHEN level = 6 THEN 1 ELSE 0 END) AS BIGINT) AS level_6,
  CAST(coalesce(sum(score), 0) AS BIGINT) AS sum_score,
  CAST(coalesce(sum(score * score), 0) AS BIGINT) AS sum_score_squared,
  CAST(coalesce(sum(error * error), 0) AS BIGINT) AS sum_error_squared,
  CAST(sum(CASE WHEN error IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS n_error,
  CAST(coalesce(sum(score - first_score), 0) AS BIGINT) AS sum_change,
  CAST(coalesce(sum((score - first_score) * (score - first_score)), 0) AS BIGINT)
    AS sum_change_squared
FROM (
  SELECT s.*,
    CASE
      WHEN in_unit = {steps} THEN 'followed'
      WHEN in_all = {steps} THEN 'moved'
      WHEN n_off_grade > 0 THEN 'other_grade'
      ELSE 'no_result'
    END AS standing,
    first_value(score) OVER (
      PARTITION BY student_id, subject, unit ORDER BY step, row_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS first_score
  FROM (
    SELECT c.*, p.step, u.entity_id AS unit,
      CAST(floor(c.scale_score * 100 + 0.5) AS BIGINT) AS score,
      CAST(floor(c.se_scale * 100 + 0.5) AS BIGINT) AS error,
      coalesce(o.n_off_grade, 0) AS n_off_grade,
      count(*) OVER (PARTITION BY c.student_id, c.subject, u.entity_id) AS in_unit,
      o.in_all
    FROM {results} AS c
    JOIN step AS p ON p.school_year = c.school_year AND p.test_grade = c.test_grade
    JOIN unit AS u ON u.school_id = coalesce(c.school_id, '')
      AND u.lea_id = coalesce(c.lea_id, '')
    JOIN (
      SELECT d.student_id, d.subject,
        sum(CASE WHEN d.test_grade = q.test_grade THEN 1 ELSE 0 END) AS in_all,
        sum(CASE WHEN d.test_grade <> q.test_grade THEN 1 ELSE 0 END) AS n_off_grade
      FROM {results} AS d JOIN step AS q ON q.school_year = d.school_year
      WHERE d.place = 1 AND d.include IN ({scored}) AND d.assessment_type = 'summative'
      GROUP BY d.student_id, d.subject
    ) AS o ON o.student_id = c.student_id AND o.subject = c.subject
    WHERE c.place = 1 AND c.include IN ({scored}) AND c.assessment_type = 'summative'
  ) AS s
) AS t
WHERE true{where}
GROUP BY {grouping}
