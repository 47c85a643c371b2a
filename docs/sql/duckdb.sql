-- Views over what tap-bigin and target-duckdb (with add_metadata_columns) load into the schema bigin.

-- What is deleted now. An entry without a time says that the record was restored.
CREATE OR REPLACE VIEW bigin.deletions AS
SELECT module, id, display_name, deleted_time
FROM bigin.deleted_records
WHERE deleted_time IS NOT NULL;

-- Companies that are there.
CREATE OR REPLACE VIEW bigin.current_companies AS
SELECT record.*
FROM bigin.accounts AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Accounts' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Contacts that are there.
CREATE OR REPLACE VIEW bigin.current_contacts AS
SELECT record.*
FROM bigin.contacts AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Contacts' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Deals that are there.
CREATE OR REPLACE VIEW bigin.current_deals AS
SELECT record.*
FROM bigin.pipelines AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Pipelines' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Tasks that are there.
CREATE OR REPLACE VIEW bigin.current_tasks AS
SELECT record.*
FROM bigin.tasks AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Tasks' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Notes that are there. Bigin lists no deletions of notes: a weekly sweep tells the loader, see deletion_sweep.
CREATE OR REPLACE VIEW bigin.current_notes AS
SELECT record.*
FROM bigin.notes AS record
LEFT JOIN bigin.deletions AS gone ON gone.module = 'Notes' AND gone.id = record.id
WHERE gone.id IS NULL AND record._sdc_deleted_at IS NULL;

-- Contacts with the company as it is called today, not as it was called when the contact was last changed.
CREATE OR REPLACE VIEW bigin.contacts_with_companies AS
SELECT
  contact.id,
  contact.full_name AS full_name,
  contact.email AS email,
  company.id AS company_id,
  company.account_name AS company,
  owner.full_name AS owner,
  contact.modified_time AS modified_time
FROM bigin.current_contacts AS contact
LEFT JOIN bigin.current_companies AS company ON company.id = (contact.account_name ->> 'id')
LEFT JOIN bigin.users AS owner ON owner.id = (contact.owner ->> 'id');

-- Deals with company, contact and owner. A link to what is deleted is empty.
CREATE OR REPLACE VIEW bigin.deals_with_links AS
SELECT
  deal.id,
  deal.deal_name AS deal,
  (deal.pipeline ->> 'name') AS pipeline,
  deal.sub_pipeline AS sub_pipeline,
  deal.stage AS stage,
  deal.amount AS amount,
  CAST(deal.closing_date AS DATE) AS closing_date,
  company.account_name AS company,
  contact.full_name AS contact,
  contact.email AS contact_email,
  owner.full_name AS owner
FROM bigin.current_deals AS deal
LEFT JOIN bigin.current_companies AS company ON company.id = (deal.account_name ->> 'id')
LEFT JOIN bigin.current_contacts AS contact ON contact.id = (deal.contact_name ->> 'id')
LEFT JOIN bigin.users AS owner ON owner.id = (deal.owner ->> 'id');

-- Current deals by stage.
CREATE OR REPLACE VIEW bigin.deals_by_stage AS
SELECT pipeline, sub_pipeline, stage, count(*) AS deals, coalesce(sum(amount), 0) AS amount
FROM bigin.deals_with_links
GROUP BY pipeline, sub_pipeline, stage;

-- Tasks with the person and the record that they are about, whatever its module.
CREATE OR REPLACE VIEW bigin.tasks_with_links AS
SELECT
  task.id,
  task.subject AS subject,
  task.status AS status,
  CAST(task.due_date AS DATE) AS due_date,
  contact.full_name AS contact,
  coalesce(deal.deal_name, company.account_name) AS about,
  owner.full_name AS owner
FROM bigin.current_tasks AS task
LEFT JOIN bigin.current_contacts AS contact ON contact.id = (task.who_id ->> 'id')
LEFT JOIN bigin.current_deals AS deal ON deal.id = (task.what_id ->> 'id')
LEFT JOIN bigin.current_companies AS company ON company.id = (task.what_id ->> 'id')
LEFT JOIN bigin.users AS owner ON owner.id = (task.owner ->> 'id');
