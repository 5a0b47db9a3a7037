-- Sums of target residuals, in millionths of a point; only students whose score counts, and
-- only those with both residuals.
SELECT
  {keys},
  CAST(count(*) AS BIGINT) AS n,
  CAST(coalesce(sum(to_student), 0) AS BIGINT) AS sum_to_student,
  CAST(coalesce(sum(to_student * to_student), 0) AS BIGINT) AS sum_to_student_squared,
  CAST(coalesce(sum(to_standard), 0) AS BIGINT) AS sum_to_standard,
  CAST(coalesce(sum(to_standard * to_standard), 0) AS BIGINT) AS sum_to_standard_squared
FROM (
  SELECT c.*, s.measure,
    CAST(floor(s.target_residual_to_student * 1000000 + 0.5) AS BIGINT) AS to_student,
    CAST(floor(s.target_residual_to_standard * 1000000 + 0.5) AS BIGINT) AS to_standard
  FROM counted AS c JOIN score AS s ON s.owner_row = c.score_row
  WHERE c.place = 1 AND c.include IN ({scored})
    AND s.target_residual_to_student IS NOT NULL
    AND s.target_residual_to_standard IS NOT NULL
) AS t
WHERE true{where}
GROUP BY {grouping}
