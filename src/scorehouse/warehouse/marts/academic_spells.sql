-- Enrollments of a school year: where a student was enrolled from when to when, and which student
-- groups the row says the student is in. Entities are numbers of academic_entities, 0 for none;
-- days and settings of a place stand in academic_places. Undated rows have no first day.
SELECT
  r.student_id, r.grade_enrolled, r.entered_on,
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
  p.starts_on, p.ends_on, p.census_on,
  CASE WHEN r.el_status = 'EL' AND r.first_entry_on > p.recent_after THEN 1 ELSE 0 END
    AS is_recent,
  {groups} AS student_groups
FROM academic_roster AS r
JOIN academic_places AS p ON p.school_id = r.school_id
LEFT JOIN academic_entities AS a ON a.entity_id = r.accountable_lea
LEFT JOIN academic_entities AS d ON d.entity_id = r.residence_lea
WHERE r.school_year = '{school_year}'
  AND {which} (SELECT 1 FROM academic_special AS x WHERE x.student_id = r.student_id)
