-- What is known of every student now, in the columns that a result has as locked at testing; what
-- was kept under a replaced identifier is the same student's.
SELECT
  s.student_id, s.sex, s.hispanic_or_latino, s.american_indian_or_alaska_native, s.asian,
  s.black_or_african_american, s.white, s.native_hawaiian_or_other_pacific_islander, s.filipino,
  s.two_or_more_races, s.military_connected, l.el_status,
  CASE WHEN l.el_status IS NULL OR l.el_status = 'TBD' THEN NULL
    ELSE l.el_status IN ('EL', 'ADEL') END AS limited_english,
  p.student_with_disabilities = 1 AS student_with_disabilities,
  p.section_504 = 1 AS section_504,
  p.economically_disadvantaged = 1 AS economically_disadvantaged,
  p.migrant = 1 AS migrant, p.homeless = 1 AS homeless, p.foster_youth = 1 AS foster_youth
FROM ({students}) AS s
LEFT JOIN (
  SELECT student_id,
    max(CASE WHEN program = 'student_with_disabilities' THEN takes END)
      AS student_with_disabilities,
    max(CASE WHEN program = 'section_504' THEN takes END) AS section_504,
    max(CASE WHEN program = 'economically_disadvantaged' THEN takes END)
      AS economically_disadvantaged,
    max(CASE WHEN program = 'migrant' THEN takes END) AS migrant,
    max(CASE WHEN program = 'homeless' THEN takes END) AS homeless,
    max(CASE WHEN program = 'foster_youth' THEN takes END) AS foster_youth
  FROM (
    SELECT student_id, program,
      CASE WHEN coalesce(takes_part, true) AND ended_on IS NULL THEN 1 ELSE 0 END AS takes
    FROM ({program_participation}) AS m
  ) AS t
  GROUP BY student_id
) AS p ON p.student_id = s.student_id
LEFT JOIN (
  SELECT student_id, el_status, ROW_NUMBER() OVER (
    PARTITION BY student_id ORDER BY began_on DESC NULLS LAST, row_id DESC) AS place
  FROM ({el_status}) AS m
) AS l ON l.student_id = s.student_id AND l.place = 1
