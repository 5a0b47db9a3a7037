-- Counts and sums of overall results, by school and whatever else is asked for. Integers only;
-- scores in hundredths.
SELECT
  {keys},
  CAST(count(*) AS BIGINT) AS n_in,
  CAST(sum(CASE WHEN include = 'E' THEN 1 ELSE 0 END) AS BIGINT) AS n_exempt,
  CAST(sum(CASE WHEN include = 'R' THEN 1 ELSE 0 END) AS BIGINT) AS n_invalid,
  CAST(sum(CASE WHEN include IN ({tested}) THEN 1 ELSE 0 END) AS BIGINT) AS n_tested,
  CAST(sum(CASE WHEN include IN ({scored}) THEN 1 ELSE 0 END) AS BIGINT) AS n_scored,
  CAST(sum(CASE WHEN include IN ({scored}) AND level = 1 THEN 1 ELSE 0 END) AS BIGINT) AS level_1,
  CAST(sum(CASE WHEN include IN ({scored}) AND level = 2 THEN 1 ELSE 0 END) AS BIGINT) AS level_2,
  CAST(sum(CASE WHEN include IN ({scored}) AND level = 3 THEN 1 ELSE 0 END) AS BIGINT) AS level_3,
  CAST(sum(CASE WHEN include IN ({scored}) AND level = 4 THEN 1 ELSE 0 END) AS BIGINT) AS level_4,
  CAST(sum(CASE WHEN include IN ({scored}) AND level = 5 THEN 1 ELSE 0 END) AS BIGINT) AS level_5,
  CAST(sum(CASE WHEN include IN ({scored}) AND level = 6 THEN 1 ELSE 0 END) AS BIGINT) AS level_6,
  CAST(coalesce(sum(CASE WHEN include IN ({scored}) THEN score ELSE 0 END), 0) AS BIGINT)
    AS sum_score,
  CAST(coalesce(sum(CASE WHEN include IN ({scored}) THEN score * score ELSE 0 END), 0) AS BIGINT)
    AS sum_score_squared,
  CAST(coalesce(sum(CASE WHEN include IN ({scored}) THEN error * error ELSE 0 END), 0) AS BIGINT)
    AS sum_error_squared,
  CAST(sum(CASE WHEN include IN ({scored}) AND error IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT)
    AS n_error
FROM (
  SELECT *,
    CAST(floor(scale_score * 100 + 0.5) AS BIGINT) AS score,
    CAST(floor(se_scale * 100 + 0.5) AS BIGINT) AS error
  FROM counted
  WHERE place = 1{where}
) AS c
GROUP BY {grouping}
