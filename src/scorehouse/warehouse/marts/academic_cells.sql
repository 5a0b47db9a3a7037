-- Students of one subject and year, from academic_members, by school, LEA, student group, and why
-- they don't count in each. A student may have been long enough in the LEA and not in the school,
-- so that an LEA's sums aren't those of its schools: warehouse/academic_cells.py adds up each
-- entity's. Most students count everywhere, with one result of the usual test; only the others
-- need to be told apart by reason.
WITH everyone AS (
  SELECT
    school_no, lea_no, student_groups, school_reason, lea_reason, state_reason, distance,
    is_enrolled, is_tested, records - 1 AS extra,
    CASE WHEN school_reason = 0 AND lea_reason = 0 AND state_reason = 0 AND is_enrolled = 1
      AND is_tested = 1 AND records = 1 AND (student_groups & {caa}) = 0 THEN 1 ELSE 0 END
      AS is_usual
  FROM academic_members
)
SELECT
  m.school_no, m.lea_no, g.group_no, 0 AS school_reason, 0 AS lea_reason, 0 AS state_reason,
  count(*) AS n, CAST(sum(m.distance) AS BIGINT) AS distance, count(*) AS enrolled,
  count(*) AS tested, CAST(0 AS BIGINT) AS extra,
  CAST(0 AS BIGINT) AS caa, CAST(0 AS BIGINT) AS caa_distance
FROM everyone AS m JOIN academic_groups AS g ON (m.student_groups & g.group_bit) <> 0
WHERE m.is_usual = 1
GROUP BY m.school_no, m.lea_no, g.group_no
UNION ALL
SELECT
  m.school_no, m.lea_no, g.group_no, m.school_reason, m.lea_reason, m.state_reason,
  count(*) AS n, CAST(coalesce(sum(m.distance), 0) AS BIGINT) AS distance,
  CAST(sum(m.is_enrolled) AS BIGINT) AS enrolled, CAST(sum(m.is_tested) AS BIGINT) AS tested,
  CAST(sum(CASE WHEN m.extra > 0 THEN m.extra ELSE 0 END) AS BIGINT) AS extra,
  CAST(sum(CASE WHEN (m.student_groups & {caa}) <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS caa,
  CAST(sum(CASE WHEN (m.student_groups & {caa}) <> 0 AND m.distance IS NOT NULL
    THEN m.distance ELSE 0 END) AS BIGINT) AS caa_distance
FROM everyone AS m JOIN academic_groups AS g ON (m.student_groups & g.group_bit) <> 0
WHERE m.is_usual = 0
GROUP BY
  m.school_no, m.lea_no, g.group_no, m.school_reason, m.lea_reason, m.state_reason
