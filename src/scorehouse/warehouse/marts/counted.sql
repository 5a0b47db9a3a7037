-- Every result with how it counts: include indicator, score, groups, and its place among the
-- student's results of the same test. The one in place 1 holds.
SELECT j.*, {groups}, coalesce(l.place, 1) AS place
FROM judged AS j LEFT JOIN lesser AS l ON l.row_id = j.row_id
