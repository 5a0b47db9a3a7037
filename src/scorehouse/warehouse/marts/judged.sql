-- Every result with its include indicator, and the score that is taken of it.
SELECT
  r.row_id, r.opportunity_id, r.student_id, r.school_year, r.subject, r.test_grade,
  r.assessment_type, r.assessment_id AS taken_id, r.grade_when_assessed,
  CASE WHEN r.assessment_type = 'summative' THEN '' ELSE r.assessment_id END AS assessment_id,
  {school} AS school_id, {lea} AS lea_id,
  r.administration_condition, r.completeness, r.completed_at, r.status_at,
  {score} AS scale_score, {error} AS se_scale, {level} AS level, {score_row} AS score_row,
  CASE
    WHEN r.special_condition IN ({N}) THEN 'N'
    WHEN r.special_condition IN ({E}) THEN 'E'
    WHEN r.special_condition IN ({R}) OR r.administration_condition = 'IN'
      OR r.validity = 'invalid' THEN 'R'
    WHEN r.special_condition IN ({T}) THEN 'T'
    WHEN r.special_condition IN ({Y}) AND ({score}) IS NOT NULL THEN 'Y'
    WHEN {is_lowest} THEN 'T'
    WHEN {is_no_participant} THEN 'N'
    WHEN ({score}) IS NOT NULL AND ({level}) IS NOT NULL THEN 'Y'
    ELSE 'T'
  END AS include,
  {demographics}
FROM reported AS r{joins}
