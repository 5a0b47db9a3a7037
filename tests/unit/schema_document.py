"""One small invented result that has every element and every attribute of the format."""

from __future__ import annotations

DOCUMENT = b"""<?xml version="1.0" encoding="UTF-8"?>
<TDSReport>
  <Test name="(TEST)INVENTED-ELA-7-Spring" subject="ELA" testId="INVENTED-ELA-7" bankKey="200"
    contract="TEST" mode="online" grade="07" handScoreProject="0" assessmentType="Summative"
    academicYear="2016" assessmentVersion="1"/>
  <Examinee key="-12" isDemo="false">
    <ExamineeAttribute context="INITIAL" name="FirstName" value="Wilhelmina"
      contextDate="2016-05-02T09:00:00"/>
    <ExamineeAttribute context="FINAL" name="FirstName" value="Wilhelmina"
      contextDate="2016-05-03T09:00:00"/>
    <ExamineeAttribute context="FINAL" name="LastOrSurname" value="Quillfeather"
      contextDate="2016-05-03T09:00:00"/>
    <ExamineeAttribute context="FINAL" name="Birthdate" value="2003-02-17"
      contextDate="2016-05-03T09:00:00"/>
    <ExamineeAttribute context="INITIAL" name="StudentIdentifier" value="9000007722"
      contextDate="2016-05-02T09:00:00"/>
    <ExamineeAttribute context="FINAL" name="StudentIdentifier" value="9000007722"
      contextDate="2016-05-03T09:00:00"/>
    <ExamineeAttribute context="FINAL" name="AlternateSSID" value="W-7722-ALT"
      contextDate="2016-05-03T09:00:00"/>
    <ExamineeAttribute context="FINAL" name="GradeLevelWhenAssessed" value="07"
      contextDate="2016-05-03T09:00:00"/>
    <ExamineeAttribute context="FINAL" name="Sex" value="Female"
      contextDate="2016-05-03T09:00:00"/>
    <ExamineeRelationship context="FINAL" name="SchoolId" entityKey="771" value="99900010000017"
      contextDate="2016-05-03T09:00:00"/>
    <ExamineeRelationship context="FINAL" name="SchoolName" entityKey="771"
      value="Larkspur Middle" contextDate="2016-05-03T09:00:00"/>
    <ExamineeRelationship context="FINAL" name="SSID" entityKey="771" value="9000007722"
      contextDate="2016-05-03T09:00:00"/>
    <ExamineeRelationship context="FINAL" name="StateAbbreviation" entityKey="1" value="TS"
      contextDate="2016-05-03T09:00:00"/>
  </Examinee>
  <Opportunity server="srv" database="db" clientName="TEST" key="opp-1" oppId="5001"
    startDate="2016-05-02T09:30:00" status="scored" validity="valid" completeness="Complete"
    opportunity="1" statusDate="2016-05-03T09:00:00" dateCompleted="2016-05-02T10:45:00"
    pauseCount="0" itemCount="2" ftCount="0" abnormalStarts="0" gracePeriodRestarts="0"
    taId="proctor@school.example" taName="Ottoline Brasswick" sessionId="brass-77"
    windowId="ANNUAL" windowOpportunity="1" completeStatus="Complete"
    administrationCondition="Valid" dateForceCompleted="" qaLevel=""
    assessmentParticipantSessionPlatformUserAgent="Mozilla/5.0" effectiveDate="2016-03-01"
    reportingVersion="0" testReason="">
    <Segment id="INVENTED-ELA-7-S1" position="1" formId="" formKey="" algorithm="adaptive2"
      algorithmVersion="0"/>
    <Accommodation type="Language" value="English" code="ENU" segment="0"/>
    <Score measureOf="Overall" measureLabel="ScaleScore" value="2552" standardError="24.5"/>
    <Score measureOf="Overall" measureLabel="PerformanceLevel" value="3" standardError=""/>
    <GenericVariable context="DEMOGRAPHIC" name="nickname" value="Minnie Quillfeather"/>
    <Item position="1" segmentId="INVENTED-ELA-7-S1" bankKey="200" key="1001" operational="1"
      isSelected="1" format="MC" score="1" scoreStatus="SCORED"
      adminDate="2016-05-02T09:31:00" numberVisits="1" responseDuration="12.5"
      mimeType="text/plain" clientId="" strand="1-LT" contentLevel="1-LT|4-7" pageNumber="1"
      pageVisits="1" pageTime="12500" dropped="0">
      <Response date="2016-05-02T09:31:13" type="value" key="">B</Response>
    </Item>
    <Item position="2" segmentId="INVENTED-ELA-7-S1" bankKey="200" key="1002" operational="1"
      isSelected="1" format="WER" score="3" scoreStatus="SCORED"
      adminDate="2016-05-02T09:40:00" numberVisits="2" responseDuration="1800"
      mimeType="text/html" clientId="" strand="2-W" contentLevel="2-W|6-7" pageNumber="2"
      pageVisits="1" pageTime="1800000" dropped="0">
      <Response date="2016-05-02T10:10:00">&lt;p&gt;The heron is patient.&lt;/p&gt;</Response>
      <ScoreInfo scorePoint="3" maxScore="6" scoreDimension="overall" scoreStatus="Scored">
        <ScoreRationale/>
        <SubScoreList>
          <ScoreInfo scorePoint="2" maxScore="4" scoreDimension="Initial" scoreStatus="Scored"
            conditionCode="B" sequence="1">
            <ScoreRationale>read once<Message>{"scorerID":"reader.one@scoring.example"}</Message>
            </ScoreRationale>
          </ScoreInfo>
        </SubScoreList>
      </ScoreInfo>
    </Item>
  </Opportunity>
  <Comment context="GlobalNotes" itemPosition="" date="2016-05-02T10:20:00">I am Minnie Q.</Comment>
  <ToolUsage type="Calculator" code="TDS_Calc1">
    <ToolPage page="2" groupId="I-200-1002" count="3"/>
  </ToolUsage>
</TDSReport>
"""
