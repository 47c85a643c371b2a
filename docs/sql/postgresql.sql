-- Views over what tap-bigin and target-postgres load into the schema bigin.

-- What is deleted now. An entry without a time says that the record was restored.
CREATE OR REPLACE VIEW bigin.deletions AS
SELECT module, id, display_name, deleted_time
FROM bigin.deleted_records
WHERE deleted_time IS NOT NULL;

-- Companies that are there.
CREATE OR REPLACE VIEW bigin.current_companies AS
SELECT record.*
FROM bigin."Accounts" AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Accounts' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Contacts that are there.
CREATE OR REPLACE VIEW bigin.current_contacts AS
SELECT record.*
FROM bigin."Contacts" AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Contacts' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Deals that are there.
CREATE OR REPLACE VIEW bigin.current_deals AS
SELECT record.*
FROM bigin."Pipelines" AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Pipelines' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Tasks that are there.
CREATE OR REPLACE VIEW bigin.current_tasks AS
SELECT record.*
FROM bigin."Tasks" AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Tasks' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Notes that are there. Bigin lists no deletions of notes: a weekly sweep tells the loader, see deletion_sweep.
CREATE OR REPLACE VIEW bigin.current_notes AS
SELECT record.*
FROM bigin."Notes" AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Notes' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Contacts with the company as it is called today, not as it was called when the contact was last changed.
CREATE OR REPLACE VIEW bigin.contacts_with_companies AS
SELECT
  contact.id,
  contact."Full_Name" AS full_name,
  contact."Email" AS email,
  company.id AS company_id,
  company."Account_Name" AS company,
  owner.full_name AS owner,
  contact."Modified_Time" AS modified_time
FROM bigin.current_contacts AS contact
LEFT JOIN bigin.current_companies AS company ON company.id = (contact."Account_Name" ->> 'id')
LEFT JOIN bigin.users AS owner ON owner.id = (contact."Owner" ->> 'id');

-- Deals with company, contact and owner. A link to what is deleted is empty.
CREATE OR REPLACE VIEW bigin.deals_with_links AS
SELECT
  deal.id,
  deal."Deal_Name" AS deal,
  (deal."Pipeline" ->> 'name') AS pipeline,
  deal."Sub_Pipeline" AS sub_pipeline,
  deal."Stage" AS stage,
  deal."Amount" AS amount,
  CAST(deal."Closing_Date" AS DATE) AS closing_date,
  company."Account_Name" AS company,
  contact."Full_Name" AS contact,
  contact."Email" AS contact_email,
  owner.full_name AS owner
FROM bigin.current_deals AS deal
LEFT JOIN bigin.current_companies AS company ON company.id = (deal."Account_Name" ->> 'id')
LEFT JOIN bigin.current_contacts AS contact ON contact.id = (deal."Contact_Name" ->> 'id')
LEFT JOIN bigin.users AS owner ON owner.id = (deal."Owner" ->> 'id');

-- Current deals by stage.
CREATE OR REPLACE VIEW bigin.deals_by_stage AS
SELECT pipeline, sub_pipeline, stage, count(*) AS deals, coalesce(sum(amount), 0) AS amount
FROM bigin.deals_with_links
GROUP BY pipeline, sub_pipeline, stage;

-- Tasks with the person and the record that they are about, whatever its module.
CREATE OR REPLACE VIEW bigin.tasks_with_links AS
SELECT
  task.id,
  task."Subject" AS subject,
  task."Status" AS status,
  CAST(task."Due_Date" AS DATE) AS due_date,
  contact."Full_Name" AS contact,
  coalesce(deal."Deal_Name", company."Account_Name") AS about,
  owner.full_name AS owner
FROM bigin.current_tasks AS task
LEFT JOIN bigin.current_contacts AS contact ON contact.id = (task."Who_Id" ->> 'id')
LEFT JOIN bigin.current_deals AS deal ON deal.id = (task."What_Id" ->> 'id')
LEFT JOIN bigin.current_companies AS company ON company.id = (task."What_Id" ->> 'id')
LEFT JOIN bigin.users AS owner ON owner.id = (task."Owner" ->> 'id');
