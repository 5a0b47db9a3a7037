-- How many students have each score (in hundredths), by school and whatever else is asked for.
SELECT
  {keys},
  CAST(floor(scale_score * 100 + 0.5) AS BIGINT) AS score,
  CAST(count(*) AS BIGINT) AS n
FROM counted
WHERE place = 1 AND include IN ({scored}){where}
GROUP BY {grouping}, CAST(floor(scale_score * 100 + 0.5) AS BIGINT)
