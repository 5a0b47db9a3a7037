-- Students with several enrollments in a school year.
SELECT student_id FROM academic_spells WHERE year_no = {year_no}
GROUP BY student_id HAVING count(*) > 1
