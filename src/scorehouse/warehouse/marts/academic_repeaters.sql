-- Students with several results of a subject in a school year.
SELECT student_id FROM academic_records WHERE setting_no = {setting_no}
GROUP BY student_id HAVING count(*) > 1
