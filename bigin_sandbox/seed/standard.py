"""The standard modules of Bigin and their fields. Source: FACTS 3, read.md 3.1 and 4."""

from __future__ import annotations

from bigin_sandbox.seed.shape import Item, field, module

ALL_SUB_PIPELINES = ["Inbound", "Outbound", "Resellers", "Referrals"]
# Team Pipeline -> sub-pipeline -> stages, in order; the first Team Pipeline is the default one.
TEAM_PIPELINES: dict[str, dict[str, list[str]]] = {
    "Sales Pipeline": {
        "Inbound": ["Qualification", "Needs Analysis", "Proposal", "Closed Won", "Closed Lost"],
        "Outbound": ["Prospecting", "Qualification", "Demo", "Negotiation", "Closed Won", "Closed Lost"],
    },
    "Partner Onboarding": {
        "Resellers": ["Applied", "Contract Sent", "Trained", "Live", "Dropped"],
        "Referrals": ["Introduced", "Contract Sent", "Live", "Dropped"],
    },
}
STAGES = list(
    dict.fromkeys(stage for subs in TEAM_PIPELINES.values() for stages in subs.values() for stage in stages)
)
# An actual value that differs from its label: FACTS 5 (never the label).
STAGE_LABELS = {"Closed Won": "Won", "Closed Lost": "Lost"}

MODULES: list[Item] = [
    module("Home", "Home", api_supported=False, sequence_number=1, generated_type="web"),
    module("Contacts", "Contact", sequence_number=3),
    module("Accounts", "Company", plural="Companies", sequence_number=4),
    module("Pipelines", "Pipeline", sequence_number=5),
    module("Tasks", "Task", sequence_number=6),
    module("Events", "Event", sequence_number=6),
    module("Calls", "Call", sequence_number=6),
    module("Products", "Product", sequence_number=9),
    module("Documents", "Document", api_supported=False, sequence_number=20),
    module("Reports", "Report", api_supported=False, sequence_number=21),
    module(
        "Social", "Social", plural="Social", api_supported=False, sequence_number=24, generated_type="web"
    ),
    module(
        "Associated_Products",
        "Associated Products",
        plural="Associated Products",
        module_name="LinkingModule1",
        generated_type="subform",
        sequence_number=25,
        visibility=2,
        show_as_tab=False,
        parent_module={"api_name": "Pipelines"},
    ),
    module("Notes", "Note", sequence_number=29, visible=False, show_as_tab=False),
    module("Attachments", "Attachment", sequence_number=33, visible=False, show_as_tab=False, editable=False),
]


def system_fields(*, activity: bool = True, image: bool = True, tag: bool = True) -> list[Item]:
    """The fields that every module has, with the oddities of FACTS 3."""
    fields = [
        field("Owner", "ownerlookup", "Owner", field_read_only=True),
        field("Created_By", "ownerlookup", writable=False),
        field("Modified_By", "ownerlookup", writable=False),
        field("Created_Time", "datetime", writable=False),
        field("Modified_Time", "datetime", writable=False),
    ]
    if tag:
        fields.append(
            field("Tag", "text", json_type="jsonarray", length=2000, writable=False, sortable=False)
        )
    if activity:
        fields.append(field("Last_Activity_Time", "datetime", writable=False, field_read_only=True))
    if image:
        fields.append(field("Record_Image", "profileimage", visible=False))
    return fields


def _source_id() -> Item:
    return field("Record_Creation_Source_ID__s", "bigint", length=19, writable=False, field_read_only=True)


def _address(prefix: str, zip_name: str) -> list[Item]:
    return [
        field(f"{prefix}_Street", "text", length=250),
        field(f"{prefix}_City", "text", length=100),
        field(f"{prefix}_State", "text", length=100),
        field(f"{prefix}_{zip_name}", "text", length=30),
        field(f"{prefix}_Country", "text", length=100),
    ]


def _activity_links() -> list[Item]:
    modules = {"modules": [{"api_name": name} for name in ("Accounts", "Pipelines", "Products")]}
    return [
        field("Who_Id", "lookup", "Contact Name", to="Contacts"),
        field("What_Id", "lookup", "Related To", multi_module_lookup={"api_name": "What_Id", **modules}),
    ]


FIELDS: dict[str, list[Item]] = {
    "Contacts": [
        field("First_Name", "text", length=40, view=False, quick_create=True),
        field("Last_Name", "text", length=80, mandatory=True, view=False, quick_create=True),
        field("Full_Name", "text", length=120, display_field=True, writable=False, field_read_only=True),
        field("Account_Name", "lookup", "Company Name", to="Accounts", quick_create=True),
        field("Email", "email", is_unique=True, quick_create=True),
        field("Title", "text", length=100),
        field("Phone", "phone", length=50, quick_create=True),
        field("Mobile", "phone", read_only_for=["Standard"]),
        field("Home_Phone", "phone", hidden_from=["Standard"]),
        *_address("Mailing", "Zip"),
        field("Description", "textarea", kind="large"),
        field("Email_Opt_Out", "boolean"),
        *system_fields(),
        field(
            "Unsubscribed_Mode",
            "picklist",
            writable=False,
            field_read_only=True,
            values=["Consent form", "Manual", "Unsubscribe link", "Zoho campaigns"],
        ),
        field("Unsubscribed_Time", "datetime", writable=False, field_read_only=True),
        _source_id(),
    ],
    "Accounts": [
        field(
            "Account_Name",
            "text",
            "Company Name",
            mandatory=True,
            is_unique=True,
            display_field=True,
            length=200,
        ),
        field("Phone", "phone", length=50),
        field("Website", "website", length=450),
        field("Description", "textarea", kind="large"),
        *_address("Billing", "Code"),
        *system_fields(),
        _source_id(),
    ],
    "Pipelines": [
        field("Deal_Name", "text", length=120, mandatory=True, display_field=True),
        field("Pipeline", "bigint", json_type="jsonobject", length=120),
        field("Sub_Pipeline", "picklist", mandatory=True, values=ALL_SUB_PIPELINES),
        field(
            "Stage",
            "picklist",
            mandatory=True,
            values=[(stage, STAGE_LABELS.get(stage, stage)) for stage in STAGES],
        ),
        field("Amount", "currency"),
        field("Closing_Date", "date"),
        field("Account_Name", "lookup", "Company Name", to="Accounts"),
        field("Contact_Name", "lookup", to="Contacts"),
        field("Secondary_Contacts", "multiselectlookup", to="Contacts"),
        field("Associated_Products", "subform", subform={"module": "Associated_Products"}),
        field("Description", "textarea", kind="large"),
        *system_fields(image=False),
        _source_id(),
    ],
    "Associated_Products": [
        field("Product", "lookup", to="Products", mandatory=True, display_field=True),
        field("Quantity", "double", mandatory=True),
        field("List_Price", "currency"),
        field("Discount", "currency"),
        field("Created_Time", "datetime", writable=False),
        field("Modified_Time", "datetime", writable=False),
    ],
    "Products": [
        field("Product_Name", "text", mandatory=True, is_unique=True, display_field=True, length=200),
        field("Product_Code", "text", length=40),
        field("Product_Category", "picklist", values=["Hardware", "Software", "Training", "Support"]),
        field("Product_Active", "boolean"),
        field("Unit_Price", "currency"),
        field("Description", "textarea", kind="large"),
        *system_fields(),
        _source_id(),
    ],
    "Tasks": [
        field("Subject", "text", mandatory=True, display_field=True),
        field("Due_Date", "date"),
        field(
            "Status",
            "picklist",
            values=["Not Started", "Deferred", "In Progress", "Completed", "Waiting on someone else"],
        ),
        field("Priority", "picklist", values=["High", "Highest", "Low", "Lowest", "Normal"]),
        field("Closed_Time", "datetime", writable=False, field_read_only=True),
        *_activity_links(),
        field("Send_Notification_Email", "boolean"),
        field("Remind_At", "ALARM"),
        field("Recurring_Activity", "RRULE"),
        field("Description", "textarea", kind="large"),
        *system_fields(activity=False, image=False),
    ],
    "Events": [
        field("Event_Title", "text", "Title", mandatory=True, display_field=True),
        field("Start_DateTime", "datetime", "From", mandatory=True),
        field("End_DateTime", "datetime", "To", mandatory=True),
        field("All_day", "boolean", "All day"),
        field("Venue", "text", "Location"),
        field("Participants", "text", json_type="jsonarray", length=2000, sortable=False, filterable=False),
        field("Remind_At", "event_reminder", "Reminder"),
        field("Recurring_Activity", "RRULE", "Repeat"),
        *_activity_links(),
        field("Description", "textarea", kind="large"),
        *system_fields(activity=False, image=False),
    ],
    "Calls": [
        field("Subject", "text", mandatory=True, display_field=True),
        field("Call_Type", "picklist", mandatory=True, values=["Inbound", "Outbound", "Missed"]),
        field("Call_Start_Time", "datetime", mandatory=True),
        field("Call_Duration", "text", length=20, mandatory=True),
        field(
            "Call_Purpose",
            "picklist",
            values=["Prospecting", "Administrative", "Negotiation", "Demo", "Project"],
        ),
        field("Call_Agenda", "text"),
        field("Call_Status", "picklist", values=["Attended Dialled", "Unattended Dialled", "Scheduled"]),
        *_activity_links(),
        field("Caller_ID", "text", writable=False, field_read_only=True),
        field("Description", "textarea", kind="large"),
        *system_fields(activity=False, image=False),
    ],
    "Notes": [
        field("Note_Title", "text", length=120, display_field=True),
        field("Note_Content", "textarea", kind="large", mandatory=True),
        field("Parent_Id", "lookup", mandatory=True),
        *system_fields(activity=False, image=False, tag=False),
    ],
    "Attachments": [
        field("File_Name", "text", display_field=True, mandatory=True),
        field("Size", "bigint", writable=False),
        field("Parent_Id", "lookup", mandatory=True),
        *system_fields(activity=False, image=False, tag=False),
    ],
}
