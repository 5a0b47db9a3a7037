-- Enrollments of the school years asked for: where a student was enrolled from when to when, and
-- which student groups the row says the student is in. Every subject reads them, so they are kept
-- where that can be. Entities are numbers of academic_entities, 0 for none; what a school is in a
-- year stands in academic_schools. Undated rows have no first day.
SELECT
  p.year_no, {student} AS student_id, r.grade_enrolled, r.entered_on,
  coalesce(r.exited_on, DATE '{last_day}') AS exited_on,
  p.school_no AS spell_school,
  CASE WHEN p.is_nonpublic THEN 0 ELSE p.school_no END AS school_no,
  CASE
    WHEN p.is_charter AND {charters_apart} THEN 0
    WHEN a.entity_no IS NOT NULL THEN a.entity_no
    WHEN d.entity_no IS NOT NULL AND r.student_with_disabilities AND (
      {residence_everywhere} OR ({residence_special} AND (p.is_nonpublic OR p.is_special)))
      THEN d.entity_no
    ELSE p.lea_no
  END AS lea_no,
  CASE WHEN r.el_status = 'EL' THEN r.first_entry_on END AS learner_since,
  {groups} AS student_groups
FROM academic_roster AS r
JOIN academic_schools AS p ON p.school_year = r.school_year AND p.school_id = r.school_id
LEFT JOIN academic_entities AS a ON a.entity_id = r.accountable_lea
LEFT JOIN academic_entities AS d ON d.entity_id = r.residence_lea
