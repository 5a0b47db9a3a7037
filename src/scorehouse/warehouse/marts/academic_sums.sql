-- Sums of the Academic Indicator by entity and student group, of one subject and year, from
-- academic_members. Schools, LEAs and the state are each summed from students: a student may
-- have been long enough in the LEA and not in the school.
WITH alike AS (
  SELECT
    school_no, lea_no, student_groups, school_reason, lea_reason, state_reason, count(*) AS n,
    CAST(sum(distance) AS BIGINT) AS distance, CAST(sum(is_enrolled) AS BIGINT) AS enrolled, CAST(sum(is_tested) AS BIGINT) AS tested,
    sum(CASE WHEN records > 1 THEN records - 1 ELSE 0 END) AS extra
  FROM academic_members
  GROUP BY school_no, lea_no, student_groups, school_reason, lea_reason, state_reason
),
leveled AS (
  SELECT 'S' AS entity_type, school_no AS entity_no, student_groups, school_reason AS reason,
    n, distance, enrolled, tested, extra
  FROM alike WHERE school_no <> 0
  UNION ALL
  SELECT 'D' AS entity_type, lea_no AS entity_no, student_groups, lea_reason AS reason,
    CAST(sum(n) AS BIGINT) AS n, CAST(sum(distance) AS BIGINT) AS distance, CAST(sum(enrolled) AS BIGINT) AS enrolled, CAST(sum(tested) AS BIGINT) AS tested,
    CAST(sum(extra) AS BIGINT) AS extra
  FROM alike WHERE lea_no <> 0
  GROUP BY lea_no, student_groups, lea_reason
  UNION ALL
  SELECT 'X' AS entity_type, {state_no} AS entity_no, student_groups, state_reason AS reason,
    CAST(sum(n) AS BIGINT) AS n, CAST(sum(distance) AS BIGINT) AS distance, CAST(sum(enrolled) AS BIGINT) AS enrolled, CAST(sum(tested) AS BIGINT) AS tested,
    CAST(sum(extra) AS BIGINT) AS extra
  FROM alike
  GROUP BY student_groups, state_reason
),
grouped AS (
  SELECT
    l.entity_type, l.entity_no, l.reason, g.group_no, CAST(sum(l.n) AS BIGINT) AS n, CAST(sum(l.distance) AS BIGINT) AS distance,
    CAST(sum(l.enrolled) AS BIGINT) AS enrolled, CAST(sum(l.tested) AS BIGINT) AS tested, CAST(sum(l.extra) AS BIGINT) AS extra,
    sum(CASE WHEN (l.student_groups & g.color_bit) <> 0 THEN l.n ELSE 0 END) AS colored,
    sum(CASE WHEN (l.student_groups & {caa}) <> 0 THEN l.n ELSE 0 END) AS caa,
    sum(CASE WHEN (l.student_groups & {caa}) <> 0 THEN l.distance END) AS caa_distance
  FROM leveled AS l JOIN academic_groups AS g ON (l.student_groups & g.group_bit) <> 0
  GROUP BY l.entity_type, l.entity_no, l.reason, g.group_no
),
summed AS (
  SELECT
    entity_type, entity_no, group_no,
    sum(CASE WHEN reason = 0 THEN n ELSE 0 END) AS scores,
    coalesce(sum(CASE WHEN reason = 0 THEN distance END), 0) AS distance_sum,
    sum(CASE WHEN reason = 0 THEN caa ELSE 0 END) AS caa_scores,
    coalesce(sum(CASE WHEN reason = 0 THEN caa_distance END), 0) AS caa_distance_sum,
    sum(CASE WHEN reason = 0 THEN colored ELSE 0 END) AS color_scores,
    CAST(sum(enrolled) AS BIGINT) AS enrolled, CAST(sum(tested) AS BIGINT) AS tested, {left_out}
    CAST(sum(extra) AS BIGINT) AS left_out_duplicate
  FROM grouped
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
