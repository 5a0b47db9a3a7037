-- Everybody who counts, or doesn't, in one subject and year: one row a student, with school, LEA
-- and student groups, and for each reporting level why the score is left out (0: it counts).
-- Most students have one enrollment; movers are settled apart. Reasons are numbers; the readable
-- form is accountability/academic/members.py.
WITH plain AS (
  SELECT
    coalesce(s.student_id, b.student_id) AS student_id, s.school_no, s.lea_no, s.grade_enrolled,
    s.is_recent, s.student_groups, coalesce(s.in_window, 0) AS in_window,
    coalesce(s.is_undated, 1) AS is_undated, b.test_program, b.test_grade,
    b.scale_score, b.given_distance, b.told, b.indicator, coalesce(b.records, 0) AS records,
    CASE WHEN s.student_id IS NULL THEN b.tested_no END AS tested_no,
    CASE WHEN s.is_there_by_census = 1 AND s.exited_on >= {plain_testing_day} THEN 1 ELSE 0 END
      AS is_continuous
  FROM academic_plain_spells AS s
  FULL JOIN academic_plain_records AS b ON b.student_id = s.student_id
),
chosen AS (
  SELECT * FROM (
    SELECT
      coalesce(s.student_id, b.student_id) AS student_id, s.school_no, s.lea_no,
      s.grade_enrolled, s.is_recent, s.student_groups, s.census_on, s.starts_on, b.completed_on,
      b.test_program, b.test_grade, b.scale_score, b.given_distance, b.told, b.indicator,
      coalesce(b.records, 0) AS records,
      CASE WHEN s.student_id IS NULL THEN b.tested_no END AS tested_no,
      ROW_NUMBER() OVER (
        PARTITION BY coalesce(s.student_id, b.student_id) ORDER BY
          CASE WHEN s.entered_on <= coalesce(b.completed_on, s.starts_on)
            AND s.exited_on >= coalesce(b.completed_on, s.starts_on) THEN 0 ELSE 1 END,
          CASE WHEN s.spell_school = b.tested_no THEN 0 ELSE 1 END,
          s.in_window DESC NULLS LAST, s.entered_on DESC NULLS LAST, s.exited_on DESC NULLS LAST,
          s.spell_school DESC NULLS LAST, s.lea_no DESC NULLS LAST,
          s.student_groups DESC NULLS LAST, s.is_recent DESC NULLS LAST,
          s.grade_enrolled DESC NULLS LAST) AS turn
    FROM academic_moving_spells AS s
    FULL JOIN academic_moving_records AS b ON b.student_id = s.student_id
  ) AS t
  WHERE turn = 1
),
everywhere AS (
  SELECT student_id, max(in_window) AS in_window, max(is_undated) AS is_undated
  FROM academic_moving_spells GROUP BY student_id
),
covered AS (
  SELECT
    c.student_id,
    max(CASE WHEN t.level = 'S' AND t.place = c.school_no THEN 1 ELSE 0 END) AS in_school,
    max(CASE WHEN t.level = 'D' AND t.place = c.lea_no THEN 1 ELSE 0 END) AS in_lea,
    max(CASE WHEN t.level = 'X' THEN 1 ELSE 0 END) AS in_state
  FROM chosen AS c JOIN academic_stays AS t ON t.student_id = c.student_id
  WHERE t.from_on <= c.census_on AND t.to_on >= {chosen_testing_day}
  GROUP BY c.student_id
),
everybody AS (
  SELECT
    student_id, school_no, lea_no, grade_enrolled, is_recent, student_groups, test_program,
    test_grade, scale_score, given_distance, told, indicator, records, tested_no, in_window,
    is_undated, is_continuous AS in_school, is_continuous AS in_lea, is_continuous AS in_state
  FROM plain
  UNION ALL
  SELECT
    c.student_id, c.school_no, c.lea_no, c.grade_enrolled, c.is_recent, c.student_groups,
    c.test_program, c.test_grade, c.scale_score, c.given_distance, c.told, c.indicator,
    c.records, c.tested_no, coalesce(w.in_window, 0) AS in_window,
    coalesce(w.is_undated, 1) AS is_undated, coalesce(v.in_school, 0) AS in_school,
    coalesce(v.in_lea, 0) AS in_lea, coalesce(v.in_state, 0) AS in_state
  FROM chosen AS c
  LEFT JOIN everywhere AS w ON w.student_id = c.student_id
  LEFT JOIN covered AS v ON v.student_id = c.student_id
),
judged AS (
  SELECT
    e.student_id,
    coalesce(e.school_no, CASE WHEN p.is_nonpublic THEN 0 ELSE p.school_no END, 0) AS school_no,
    coalesce(e.lea_no, CASE WHEN p.is_charter AND {charters_apart} THEN 0 ELSE p.lea_no END, 0)
      AS lea_no,
    coalesce(e.student_groups, {everybody})
      + CASE e.test_program WHEN 'SBA' THEN {sba} WHEN 'CAA' THEN {caa} ELSE 0 END AS student_groups,
    CASE WHEN e.test_program = 'CAA' THEN e.given_distance
      ELSE (e.scale_score - c.standard_met) * {point} END AS distance,
    e.records, e.in_window, e.is_undated, e.in_school, e.in_lea, e.in_state, e.indicator,
    coalesce(e.is_recent, 0) AS is_recent,
    CASE
      WHEN c.test_grade IS NULL THEN {other_grade}
      WHEN e.told = 'medical' THEN {medical}
      WHEN e.is_recent = 1 AND {recent_not_scored} THEN {recent_english_learner}
      WHEN e.indicator = 'E' THEN {exempt}
      WHEN e.told = 'opt_out' THEN {opt_out}
      WHEN e.indicator IS NULL OR e.indicator = 'N' THEN {no_score}
      WHEN e.indicator = 'R' THEN {invalid}
      WHEN e.indicator = 'T' THEN {lowest_score}
      WHEN e.test_program = 'CAA' AND NOT {pools_alternate} THEN {alternate}
      WHEN e.test_program = 'CAA' AND e.given_distance IS NULL THEN {no_distance}
      WHEN e.test_program = 'CAA' THEN 0
      WHEN e.scale_score IS NULL THEN {no_score}
      WHEN e.scale_score < c.lowest OR e.scale_score > c.highest THEN {out_of_range}
      ELSE 0
    END AS reason
  FROM everybody AS e
  LEFT JOIN academic_cuts AS c ON c.test_grade = coalesce(e.test_grade, e.grade_enrolled)
  LEFT JOIN academic_places AS p ON p.school_no = e.tested_no
  WHERE c.test_grade IS NOT NULL OR e.indicator IS NOT NULL
)
SELECT
  student_id, school_no, lea_no, student_groups, records,
  CASE WHEN reason = 0 THEN distance END AS distance,
  CASE WHEN reason > 0 OR in_school = 1 THEN reason WHEN is_undated = 1
    THEN {enrollment_unknown} ELSE {not_continuously_enrolled} END AS school_reason,
  CASE WHEN reason > 0 OR in_lea = 1 THEN reason WHEN is_undated = 1
    THEN {enrollment_unknown} ELSE {not_continuously_enrolled} END AS lea_reason,
  CASE WHEN reason > 0 OR in_state = 1 THEN reason WHEN is_undated = 1
    THEN {enrollment_unknown} ELSE {not_continuously_enrolled} END AS state_reason,
  CASE WHEN in_window = 0 OR reason IN ({other_grade}, {medical}, {exempt})
    OR (is_recent = 1 AND {recent_not_enrolled}) THEN 0 ELSE 1 END AS is_enrolled,
  CASE WHEN in_window = 0 OR reason IN ({other_grade}, {medical}, {exempt})
    OR (is_recent = 1 AND {recent_not_enrolled}) OR indicator IS NULL
    OR NOT indicator IN ({tested}) THEN 0 ELSE 1 END AS is_tested
FROM judged
