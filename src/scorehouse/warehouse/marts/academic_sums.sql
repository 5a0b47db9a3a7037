-- Sums of the Academic Indicator by entity and student group, of one subject and year, from
-- academic_members. Schools, LEAs and the state are each summed from students: a student may
-- have been long enough in the LEA and not in the school. Most students count everywhere, with
-- one result of the usual test; only the others need to be told apart by reason.
WITH everyone AS (
  SELECT
    school_no, lea_no, student_groups, school_reason, lea_reason, state_reason, distance,
    is_enrolled, is_tested, records - 1 AS extra,
    CASE WHEN school_reason = 0 AND lea_reason = 0 AND state_reason = 0 AND is_enrolled = 1
      AND is_tested = 1 AND records = 1 AND (student_groups & {caa}) = 0 THEN 1 ELSE 0 END
      AS is_usual
  FROM academic_members
),
grouped AS (
  SELECT
    m.school_no, m.lea_no, g.group_no, 0 AS school_reason, 0 AS lea_reason, 0 AS state_reason,
    count(*) AS n, CAST(sum(m.distance) AS BIGINT) AS distance, count(*) AS enrolled,
    count(*) AS tested, CAST(0 AS BIGINT) AS extra,
    CAST(sum(CASE WHEN (m.student_groups & g.color_bit) <> 0 THEN 1 ELSE 0 END) AS BIGINT)
      AS colored,
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
    CAST(sum(CASE WHEN (m.student_groups & g.color_bit) <> 0 THEN 1 ELSE 0 END) AS BIGINT)
      AS colored,
    CAST(sum(CASE WHEN (m.student_groups & {caa}) <> 0 THEN 1 ELSE 0 END) AS BIGINT) AS caa,
    CAST(sum(CASE WHEN (m.student_groups & {caa}) <> 0 AND m.distance IS NOT NULL
      THEN m.distance ELSE 0 END) AS BIGINT) AS caa_distance
  FROM everyone AS m JOIN academic_groups AS g ON (m.student_groups & g.group_bit) <> 0
  WHERE m.is_usual = 0
  GROUP BY
    m.school_no, m.lea_no, g.group_no, m.school_reason, m.lea_reason, m.state_reason
),
leveled AS (
  SELECT 'S' AS entity_type, school_no AS entity_no, group_no, school_reason AS reason,
    n, distance, enrolled, tested, extra, colored, caa, caa_distance
  FROM grouped WHERE school_no <> 0
  UNION ALL
  SELECT 'D' AS entity_type, lea_no AS entity_no, group_no, lea_reason AS reason,
    n, distance, enrolled, tested, extra, colored, caa, caa_distance
  FROM grouped WHERE lea_no <> 0
  UNION ALL
  SELECT 'X' AS entity_type, {state_no} AS entity_no, group_no, state_reason AS reason,
    n, distance, enrolled, tested, extra, colored, caa, caa_distance
  FROM grouped
),
summed AS (
  SELECT
    entity_type, entity_no, group_no,
    sum(CASE WHEN reason = 0 THEN n ELSE 0 END) AS scores,
    sum(CASE WHEN reason = 0 THEN distance ELSE 0 END) AS distance_sum,
    sum(CASE WHEN reason = 0 THEN caa ELSE 0 END) AS caa_scores,
    sum(CASE WHEN reason = 0 THEN caa_distance ELSE 0 END) AS caa_distance_sum,
    sum(CASE WHEN reason = 0 THEN colored ELSE 0 END) AS color_scores,
    sum(enrolled) AS enrolled, sum(tested) AS tested, {left_out}
    sum(extra) AS left_out_duplicate
  FROM leveled
  GROUP BY entity_type, entity_no, group_no
)
SELECT
  e.entity_id, s.entity_type, g.student_group,
  CAST(s.scores AS BIGINT) AS scores, CAST(s.distance_sum AS BIGINT) AS distance_sum,
  CAST(s.caa_scores AS BIGINT) AS caa_scores,
  CAST(s.caa_distance_sum AS BIGINT) AS caa_distance_sum,
  CAST(s.color_scores AS BIGINT) AS color_scores, CAST(s.enrolled AS BIGINT) AS enrolled,
  CAST(s.tested AS BIGINT) AS tested, {casts}
  CAST(s.left_out_duplicate AS BIGINT) AS left_out_duplicate
FROM summed AS s
JOIN academic_entities AS e ON e.entity_no = s.entity_no
JOIN academic_groups AS g ON g.group_no = s.group_no
