-- Students with several enrollments, or with several results of the subject.
SELECT student_id FROM academic_movers
UNION
SELECT student_id FROM academic_results
WHERE school_year = '{school_year}' AND subject = '{subject}'
GROUP BY student_id HAVING count(*) > 1
