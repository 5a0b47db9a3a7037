-- How many students have each number of points on an item, and each answer, of interim tests.
-- An answer longer than a choice is left out.
SELECT
  {keys},
  points,
  answer,
  CAST(count(*) AS BIGINT) AS n,
  CAST(sum(answered) AS BIGINT) AS n_answered
FROM (
  SELECT c.*, p.item_id, p.dimension,
    CASE WHEN p.answered AND p.score > 0 THEN CAST(floor(p.score + 0.5) AS BIGINT) ELSE 0 END
      AS points,
    CASE WHEN p.answered AND length(p.response_value) <= 10 THEN p.response_value ELSE '' END
      AS answer,
    CASE WHEN p.answered THEN 1 ELSE 0 END AS answered
  FROM counted AS c JOIN response AS p ON p.result_row = c.row_id
  WHERE c.place = 1 AND c.include IN ({tested}) AND c.assessment_type <> 'summative'
    AND coalesce(p.operational, true)
) AS i
WHERE true{where}
GROUP BY {grouping}, points, answer
