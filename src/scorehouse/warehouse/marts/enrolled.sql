-- How many students are enrolled in tested grades, by school and whatever else is asked for,
-- and how many of them are exempt, have a result, were tested. Groups are those of the result
-- where there is one, else what is known of the student now.
WITH places AS (
  SELECT e.student_id, e.school_id, coalesce(e.accountable_lea, '') AS accountable_lea,
    e.school_year, e.grade_enrolled,
    ROW_NUMBER() OVER (
      PARTITION BY e.student_id, e.school_year
      ORDER BY e.entered_on DESC NULLS LAST, e.row_id DESC) AS place
  FROM {enrollment} AS e LEFT JOIN reference_day AS d ON d.school_year = e.school_year
  WHERE d.day IS NULL
    OR (coalesce(e.entered_on, d.day) <= d.day AND coalesce(e.exited_on, d.day) >= d.day)
),
tests AS (
  SELECT DISTINCT school_year, subject, test_grade, assessment_type FROM assessment
  WHERE assessment_type = 'summative'
),
known AS (
  SELECT p.student_id, p.school_id, p.accountable_lea AS lea_id, p.school_year,
    t.subject, t.test_grade, t.assessment_type, '' AS assessment_id, {demographics}
  FROM places AS p
  JOIN tests AS t ON t.school_year = p.school_year AND t.test_grade = p.grade_enrolled
  LEFT JOIN people AS s ON s.student_id = p.student_id
  WHERE p.place = 1
),
grouped AS (SELECT j.*, {groups} FROM known AS j),
joined AS (
  SELECT g.student_id, g.school_id, g.lea_id, g.school_year, g.subject, g.test_grade,
    g.assessment_type, g.assessment_id, {settled_groups},
    CASE WHEN c.include = 'E' THEN 1 ELSE 0 END AS exempt,
    CASE WHEN c.student_id IS NOT NULL THEN 1 ELSE 0 END AS is_in,
    CASE WHEN c.include IN ({tested}) THEN 1 ELSE 0 END AS tested
  FROM grouped AS g LEFT JOIN counted AS c
    ON c.student_id = g.student_id AND c.school_year = g.school_year
    AND c.subject = g.subject AND c.assessment_type = 'summative' AND c.place = 1
)
SELECT {keys},
  CAST(count(*) AS BIGINT) AS n_enrolled,
  CAST(count(*) - sum(exempt) AS BIGINT) AS n_expected,
  CAST(sum(is_in) - sum(exempt) AS BIGINT) AS n_expected_in,
  CAST(sum(tested) AS BIGINT) AS n_enrolled_tested
FROM joined
WHERE true{where}
GROUP BY {grouping}
