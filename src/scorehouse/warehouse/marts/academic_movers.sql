-- Students with several enrollments in a school year.
SELECT student_id FROM academic_roster WHERE school_year = '{school_year}'
GROUP BY student_id HAVING count(*) > 1
