-- Enrollments of a school year in a subject, with the days of their place; of movers or of others.
SELECT
  s.student_id, s.grade_enrolled, s.entered_on, s.exited_on, s.spell_school, s.school_no, s.lea_no,
  s.student_groups, p.starts_on, p.census_on,
  CAST(CASE WHEN s.entered_on <= p.census_on THEN 1 ELSE 0 END AS TINYINT) AS is_there_by_census,
  CAST(CASE WHEN s.learner_since > p.recent_after THEN 1 ELSE 0 END AS TINYINT) AS is_recent,
  CAST(CASE WHEN s.entered_on <= p.ends_on AND s.exited_on >= p.starts_on THEN 1 ELSE 0 END
    AS TINYINT) AS in_window,
  CAST(CASE WHEN s.entered_on IS NULL THEN 1 ELSE 0 END AS TINYINT) AS is_undated
FROM academic_spells AS s
JOIN academic_places AS p ON p.school_no = s.spell_school
LEFT JOIN academic_movers AS m ON m.student_id = s.student_id
WHERE s.year_no = {year_no} AND m.student_id IS {which}
