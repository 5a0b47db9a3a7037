-- How long movers stayed at each level: enrollments in the same school, in the same LEA and in the
-- state, joined where no more days lie between them. Most have one enrollment in a place.
WITH leveled AS (
  SELECT student_id, 'S' AS level, school_no AS place, entered_on, exited_on
  FROM academic_moving_spells WHERE entered_on IS NOT NULL
  UNION ALL
  SELECT student_id, 'D' AS level, lea_no AS place, entered_on, exited_on
  FROM academic_moving_spells WHERE entered_on IS NOT NULL
  UNION ALL
  SELECT student_id, 'X' AS level, 0 AS place, entered_on, exited_on
  FROM academic_moving_spells WHERE entered_on IS NOT NULL
),
counted AS (
  SELECT student_id, level, place, min(entered_on) AS from_on, max(exited_on) AS to_on,
    count(*) AS spells
  FROM leveled GROUP BY student_id, level, place
),
marked AS (
  SELECT l.*, max(l.exited_on) OVER (
    PARTITION BY l.student_id, l.level, l.place
    ORDER BY l.entered_on NULLS LAST, l.exited_on NULLS LAST
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until_then
  FROM leveled AS l
  JOIN counted AS c ON c.student_id = l.student_id AND c.level = l.level AND c.place = l.place
  WHERE c.spells > 1
),
numbered AS (
  SELECT *, sum(CASE WHEN entered_on <= until_then + {joined_days} THEN 0 ELSE 1 END) OVER (
    PARTITION BY student_id, level, place ORDER BY entered_on NULLS LAST, exited_on NULLS LAST
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stay
  FROM marked
)
SELECT student_id, level, place, from_on, to_on FROM counted WHERE spells = 1
UNION ALL
SELECT student_id, level, place, min(entered_on) AS from_on, max(exited_on) AS to_on
FROM numbered GROUP BY student_id, level, place, stay
