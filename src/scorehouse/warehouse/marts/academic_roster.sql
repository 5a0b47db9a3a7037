-- Enrollments of some school years with what is so of the students on the day of the extract, in
-- the shape of accountability.academic.shapes.ROSTER. What isn't known is null, and never no.
SELECT
  e.student_id, e.school_year, e.school_id, e.entered_on, e.exited_on, e.grade_enrolled,
  coalesce(e.residence_lea, '') AS residence_lea,
  coalesce(e.accountable_lea, '') AS accountable_lea,
  CASE
    WHEN s.hispanic_or_latino THEN 'HI'
    WHEN s.two_or_more_races THEN 'MR'
    WHEN s.races > 1 THEN 'MR'
    WHEN s.american_indian_or_alaska_native THEN 'AI'
    WHEN s.asian THEN 'AS'
    WHEN s.black_or_african_american THEN 'AA'
    WHEN s.filipino THEN 'FI'
    WHEN s.native_hawaiian_or_other_pacific_islander THEN 'PI'
    WHEN s.white THEN 'WH'
    ELSE ''
  END AS race_ethnicity,
  coalesce(l.el_status, '') AS el_status, l.reclassified_on, s.first_entry_on,
  p.student_with_disabilities = 1 AS student_with_disabilities, p.disability_ended_on,
  p.long_term_english_learner = 1 AS long_term_english_learner,
  p.economically_disadvantaged = 1 AS economically_disadvantaged,
  p.foster_youth = 1 AS foster_youth, p.homeless = 1 AS homeless
FROM ({enrollment}) AS e
JOIN academic_extracts AS y ON y.school_year = e.school_year
LEFT JOIN (
  SELECT *,
    CASE WHEN american_indian_or_alaska_native THEN 1 ELSE 0 END
      + CASE WHEN asian THEN 1 ELSE 0 END
      + CASE WHEN black_or_african_american THEN 1 ELSE 0 END
      + CASE WHEN filipino THEN 1 ELSE 0 END
      + CASE WHEN native_hawaiian_or_other_pacific_islander THEN 1 ELSE 0 END
      + CASE WHEN white THEN 1 ELSE 0 END AS races
  FROM ({students}) AS k
) AS s ON s.student_id = e.student_id
LEFT JOIN (
  SELECT student_id, extract_on,
    max(CASE WHEN program = 'student_with_disabilities' THEN takes END)
      AS student_with_disabilities,
    max(CASE WHEN program = 'student_with_disabilities' AND taken THEN ended_on END)
      AS disability_ended_on,
    max(CASE WHEN program = 'long_term_english_learner' THEN takes END)
      AS long_term_english_learner,
    max(CASE WHEN program = 'economically_disadvantaged' THEN takes END)
      AS economically_disadvantaged,
    max(CASE WHEN program = 'foster_youth' THEN takes END) AS foster_youth,
    max(CASE WHEN program = 'homeless' THEN takes END) AS homeless
  FROM (
    SELECT m.student_id, y.extract_on, m.program, m.ended_on,
      coalesce(m.takes_part, true) AS taken,
      CASE WHEN coalesce(m.takes_part, true) AND (m.ended_on IS NULL OR m.ended_on >= y.extract_on)
        THEN 1 ELSE 0 END AS takes
    FROM ({program_participation}) AS m
    CROSS JOIN academic_extracts AS y
    WHERE m.began_on IS NULL OR m.began_on <= y.extract_on
  ) AS t
  GROUP BY student_id, extract_on
) AS p ON p.student_id = e.student_id AND p.extract_on = y.extract_on
LEFT JOIN (
  SELECT * FROM (
    SELECT m.student_id, y.extract_on, m.el_status,
      CASE WHEN m.el_status = 'RFEP' THEN m.began_on END AS reclassified_on,
      ROW_NUMBER() OVER (PARTITION BY m.student_id, y.extract_on
        ORDER BY m.began_on DESC NULLS LAST, m.row_id DESC) AS place
    FROM ({el_status}) AS m
    CROSS JOIN academic_extracts AS y
    WHERE m.began_on IS NULL OR m.began_on <= y.extract_on
  ) AS t
  WHERE place = 1
) AS l ON l.student_id = e.student_id AND l.extract_on = y.extract_on
