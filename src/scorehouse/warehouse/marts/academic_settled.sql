-- The result of each student in a subject and school year: of several the latest that counts, and
-- without one that counts the latest. `records` is how many there were; of movers or of others.
SELECT
  r.student_id, r.test_program, r.test_grade, r.scale_score, r.given_distance, r.completed_on,
  r.tested_no, r.told, r.indicator, 1 AS records
FROM academic_records AS r
LEFT JOIN academic_repeaters AS t ON t.student_id = r.student_id
LEFT JOIN academic_movers AS m ON m.student_id = r.student_id
WHERE r.setting_no = {setting_no} AND t.student_id IS NULL AND m.student_id IS {which}
UNION ALL
SELECT
  student_id, test_program, test_grade, scale_score, given_distance, completed_on,
  tested_no, told, indicator, records
FROM (
  SELECT
    r.*,
    CAST(count(*) OVER (PARTITION BY r.student_id) AS INTEGER) AS records,
    ROW_NUMBER() OVER (
      PARTITION BY r.student_id ORDER BY
        CASE WHEN r.indicator = 'Y' AND CASE WHEN r.test_program = 'CAA' THEN r.given_distance
          ELSE r.scale_score END IS NOT NULL THEN 0 ELSE 1 END,
        r.completed_on DESC NULLS LAST, r.test_program DESC NULLS LAST,
        r.test_grade DESC NULLS LAST, r.scale_score DESC NULLS LAST,
        r.given_distance DESC NULLS LAST, r.indicator DESC NULLS LAST, r.told DESC NULLS LAST,
        coalesce(e.entity_id, r.tested_elsewhere) DESC NULLS LAST) AS turn
  FROM academic_records AS r
  JOIN academic_repeaters AS t ON t.student_id = r.student_id
  LEFT JOIN academic_entities AS e ON e.entity_no = r.tested_no
  LEFT JOIN academic_movers AS m ON m.student_id = r.student_id
  WHERE r.setting_no = {setting_no} AND m.student_id IS {which}
) AS u
WHERE turn = 1
