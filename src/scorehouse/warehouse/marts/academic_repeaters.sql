-- Students with several results of a subject in a school year, be it any one of those asked for.
SELECT student_id FROM academic_records
GROUP BY student_id HAVING count(*) > bit_count(bit_or(setting_bit))
