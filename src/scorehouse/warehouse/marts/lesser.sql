-- Results that don't hold: a student's others of the same test. Few students have several, so
-- only those are put in order: first what counts most, then the latest.
SELECT row_id, place
FROM (
  SELECT j.row_id,
    ROW_NUMBER() OVER (
      PARTITION BY coalesce(j.student_id, j.opportunity_id), j.school_year, j.subject,
        j.assessment_type, j.assessment_id
      ORDER BY CASE j.include WHEN 'Y' THEN 0 WHEN 'T' THEN 1 WHEN 'R' THEN 2 WHEN 'E' THEN 3
        ELSE 4 END, j.completed_at DESC NULLS LAST, j.status_at DESC NULLS LAST,
        j.opportunity_id NULLS LAST, j.row_id
    ) AS place
  FROM judged AS j
  JOIN (
    SELECT coalesce(student_id, opportunity_id) AS who, school_year, subject
    FROM reported
    GROUP BY coalesce(student_id, opportunity_id), school_year, subject
    HAVING count(*) > 1
  ) AS v ON v.who = coalesce(j.student_id, j.opportunity_id)
    AND v.school_year = j.school_year AND v.subject = j.subject
) AS o
WHERE place > 1
