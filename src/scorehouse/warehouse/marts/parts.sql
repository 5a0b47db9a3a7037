-- Counts and sums of parts of a score (claims, composites, alternate scores), in hundredths.
SELECT
  {keys},
  CAST(count(*) AS BIGINT) AS n_scored,
  CAST(sum(CASE WHEN part_level = 1 THEN 1 ELSE 0 END) AS BIGINT) AS level_1,
  CAST(sum(CASE WHEN part_level = 2 THEN 1 ELSE 0 END) AS BIGINT) AS level_2,
  CAST(sum(CASE WHEN part_level = 3 THEN 1 ELSE 0 END) AS BIGINT) AS level_3,
  CAST(sum(CASE WHEN part_level = 4 THEN 1 ELSE 0 END) AS BIGINT) AS level_4,
  CAST(sum(CASE WHEN part_level = 5 THEN 1 ELSE 0 END) AS BIGINT) AS level_5,
  CAST(sum(CASE WHEN part_level = 6 THEN 1 ELSE 0 END) AS BIGINT) AS level_6,
  CAST(sum(CASE WHEN score IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS n_score,
  CAST(coalesce(sum(score), 0) AS BIGINT) AS sum_score,
  CAST(coalesce(sum(score * score), 0) AS BIGINT) AS sum_score_squared,
  CAST(coalesce(sum(error * error), 0) AS BIGINT) AS sum_error_squared,
  CAST(sum(CASE WHEN error IS NOT NULL THEN 1 ELSE 0 END) AS BIGINT) AS n_error
FROM (
  SELECT c.*, s.measure, s.level AS part_level,
    CAST(floor(s.scale_score * 100 + 0.5) AS BIGINT) AS score,
    CAST(floor(s.se_scale * 100 + 0.5) AS BIGINT) AS error
  FROM counted AS c JOIN score AS s ON s.owner_row = c.score_row
  WHERE c.place = 1 AND c.include IN ({scored}) AND s.level IS NOT NULL
) AS p
WHERE true{where}
GROUP BY {grouping}
