-- Everybody who counts, or doesn't, in one subject and year: one row a student, with school, LEA
-- and student groups, and for each reporting level why the score is left out (0: it counts).
-- Most students have one enrollment and one record; the special ones are settled apart. Reasons are
-- numbers; the readable form is accountability/academic/members.py.
WITH plain AS (
  SELECT
    coalesce(s.student_id, b.student_id) AS student_id, s.school_no, s.lea_no, s.grade_enrolled,
    s.is_recent, s.student_groups, b.test_program, b.test_grade, b.scale_score, b.given_distance,
    b.told, b.indicator, CASE WHEN b.student_id IS NULL THEN 0 ELSE 1 END AS records,
    CASE WHEN s.student_id IS NULL THEN b.tested_school END AS tested_school,
    CASE WHEN s.entered_on <= s.ends_on AND s.exited_on >= s.starts_on THEN 1 ELSE 0 END
      AS in_window,
    CASE WHEN s.entered_on IS NULL THEN 1 ELSE 0 END AS is_undated,
    CASE WHEN s.entered_on <= s.census_on AND s.exited_on >= {plain_testing_day} THEN 1 ELSE 0 END
      AS is_continuous
  FROM academic_plain_spells AS s
  FULL JOIN academic_plain_records AS b ON b.student_id = s.student_id
),
moving AS (
  SELECT * FROM academic_special_spells
),
best AS (
  SELECT * FROM (
    SELECT
      r.*, p.school_no AS tested_no,
      count(*) OVER (PARTITION BY r.student_id) AS records,
      ROW_NUMBER() OVER (
        PARTITION BY r.student_id ORDER BY
          CASE WHEN r.indicator = 'Y' AND CASE WHEN r.test_program = 'CAA' THEN r.given_distance
            ELSE r.scale_score END IS NOT NULL THEN 0 ELSE 1 END,
          r.completed_on DESC NULLS LAST, r.test_program DESC NULLS LAST,
          r.test_grade DESC NULLS LAST, r.scale_score DESC NULLS LAST,
          r.given_distance DESC NULLS LAST, r.indicator DESC NULLS LAST, r.told DESC NULLS LAST,
          r.tested_school DESC NULLS LAST) AS turn
    FROM academic_special_records AS r
    LEFT JOIN academic_places AS p ON p.school_id = r.tested_school
  ) AS t
  WHERE turn = 1
),
chosen AS (
  SELECT * FROM (
    SELECT
      coalesce(s.student_id, b.student_id) AS student_id, s.school_no, s.lea_no,
      s.grade_enrolled, s.is_recent, s.student_groups, s.census_on, s.starts_on, b.completed_on,
      b.test_program, b.test_grade, b.scale_score, b.given_distance, b.told, b.indicator,
      coalesce(b.records, 0) AS records,
      CASE WHEN s.student_id IS NULL THEN b.tested_school END AS tested_school,
      max(CASE WHEN s.entered_on <= s.ends_on AND s.exited_on >= s.starts_on THEN 1 ELSE 0 END)
        OVER (PARTITION BY coalesce(s.student_id, b.student_id)) AS in_window,
      max(CASE WHEN s.entered_on IS NULL THEN 1 ELSE 0 END)
        OVER (PARTITION BY coalesce(s.student_id, b.student_id)) AS is_undated,
      ROW_NUMBER() OVER (
        PARTITION BY coalesce(s.student_id, b.student_id) ORDER BY
          CASE WHEN s.entered_on <= coalesce(b.completed_on, s.starts_on)
            AND s.exited_on >= coalesce(b.completed_on, s.starts_on) THEN 0 ELSE 1 END,
          CASE WHEN s.spell_school = b.tested_no THEN 0 ELSE 1 END,
          CASE WHEN s.entered_on <= s.ends_on AND s.exited_on >= s.starts_on THEN 0 ELSE 1 END,
          s.entered_on DESC NULLS LAST, s.exited_on DESC NULLS LAST,
          s.spell_school DESC NULLS LAST, s.lea_no DESC NULLS LAST,
          s.student_groups DESC NULLS LAST, s.is_recent DESC NULLS LAST,
          s.grade_enrolled DESC NULLS LAST) AS turn
    FROM moving AS s FULL JOIN best AS b ON b.student_id = s.student_id
  ) AS t
  WHERE turn = 1
),
leveled AS (
  SELECT student_id, 'S' AS level, school_no AS place, entered_on, exited_on FROM moving
  WHERE entered_on IS NOT NULL
  UNION ALL
  SELECT student_id, 'D' AS level, lea_no AS place, entered_on, exited_on FROM moving
  WHERE entered_on IS NOT NULL
  UNION ALL
  SELECT student_id, 'X' AS level, 0 AS place, entered_on, exited_on FROM moving
  WHERE entered_on IS NOT NULL
),
marked AS (
  SELECT *, max(exited_on) OVER (
    PARTITION BY student_id, level, place ORDER BY entered_on NULLS LAST, exited_on NULLS LAST
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until_then
  FROM leveled
),
numbered AS (
  SELECT *, sum(CASE WHEN entered_on <= until_then + {joined_days} THEN 0 ELSE 1 END) OVER (
    PARTITION BY student_id, level, place ORDER BY entered_on NULLS LAST, exited_on NULLS LAST
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS stay
  FROM marked
),
stayed AS (
  SELECT student_id, level, place, min(entered_on) AS from_on, max(exited_on) AS to_on
  FROM numbered GROUP BY student_id, level, place, stay
),
covered AS (
  SELECT
    c.student_id,
    max(CASE WHEN t.level = 'S' AND t.place = c.school_no THEN 1 ELSE 0 END) AS in_school,
    max(CASE WHEN t.level = 'D' AND t.place = c.lea_no THEN 1 ELSE 0 END) AS in_lea,
    max(CASE WHEN t.level = 'X' THEN 1 ELSE 0 END) AS in_state
  FROM chosen AS c JOIN stayed AS t ON t.student_id = c.student_id
  WHERE t.from_on <= c.census_on AND t.to_on >= {chosen_testing_day}
  GROUP BY c.student_id
),
everybody AS (
  SELECT
    student_id, school_no, lea_no, grade_enrolled, is_recent, student_groups, test_program,
    test_grade, scale_score, given_distance, told, indicator, records, tested_school, in_window,
    is_undated, is_continuous AS in_school, is_continuous AS in_lea, is_continuous AS in_state
  FROM plain
  UNION ALL
  SELECT
    c.student_id, c.school_no, c.lea_no, c.grade_enrolled, c.is_recent, c.student_groups,
    c.test_program, c.test_grade, c.scale_score, c.given_distance, c.told, c.indicator,
    c.records, c.tested_school, c.in_window, c.is_undated, coalesce(v.in_school, 0) AS in_school,
    coalesce(v.in_lea, 0) AS in_lea, coalesce(v.in_state, 0) AS in_state
  FROM chosen AS c LEFT JOIN covered AS v ON v.student_id = c.student_id
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
  LEFT JOIN academic_places AS p ON p.school_id = e.tested_school
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
