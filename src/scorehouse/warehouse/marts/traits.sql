-- How many students have each number of points on a writing trait.
SELECT
  {keys},
  points,
  CAST(max(most) AS BIGINT) AS most_points,
  CAST(count(*) AS BIGINT) AS n
FROM (
  SELECT c.*, s.measure,
    CAST(floor(s.raw_score + 0.5) AS BIGINT) AS points,
    CAST(floor(coalesce(s.raw_score_max, 0) + 0.5) AS BIGINT) AS most
  FROM counted AS c JOIN score AS s ON s.owner_row = c.score_row
  WHERE c.place = 1 AND c.include IN ({scored}) AND s.measure LIKE 'trait:%'
    AND s.raw_score IS NOT NULL
) AS t
WHERE true{where}
GROUP BY {grouping}, points
