"""Custom modules: one with every custom data type, one with more than 50 fields, one that is closed.

Source: FACTS 3 (data types), 7.4 (the 50-field wall), 7.10 (a listed module may be refused).
"""

from __future__ import annotations

from bigin_sandbox.seed.shape import Item, field, module
from bigin_sandbox.seed.standard import system_fields

WIDE_MODULE = "Site_Surveys"
CLOSED_MODULE = "Payroll"
FREQUENCIES = ["Monthly", "Quarterly", "Yearly"]
CHANNELS = ["E-mail", "Phone", "Post", "Portal"]
RATINGS = ["Good", "Fair", "Poor"]
MEASURE_NAMES = [f"Measure_{number:02d}" for number in range(1, 57)]  # fields of the wide module


def modules(extra: int) -> list[Item]:
    """The custom modules, and `extra` plain ones."""
    named = [
        ("Subscriptions", "Subscription"),
        (WIDE_MODULE, "Site Survey"),
        (CLOSED_MODULE, "Payroll Entry"),
        *((name, name.replace("_", " ")) for name in extra_names(extra)),
    ]
    made = [
        module(
            name,
            label,
            module_name=f"CustomModule{number}",
            generated_type="custom",
            sequence_number=40 + number,
        )
        for number, (name, label) in enumerate(named, start=1)
    ]
    linking = module(
        "Subscriptions_X_Products",
        "Subscriptions X Products",
        module_name="LinkingModule2",
        generated_type="linking",
        visible=False,
        show_as_tab=False,
        sequence_number=90 + extra,
    )
    return [*made, linking]


def extra_names(extra: int) -> list[str]:
    """api_names of the plain custom modules."""
    return [f"Register_{number:02d}" for number in range(1, extra + 1)]


def _custom(api_name: str, data_type: str, label: str | None = None, **particular: object) -> Item:
    return field(api_name, data_type, label, custom_field=True, **particular)


def _subscriptions() -> list[Item]:
    total = {"return_type": "double", "expression": "${Subscriptions.Price}*${Subscriptions.Seats}"}
    return [
        _custom("Name", "text", "Subscription Name", mandatory=True, display_field=True),
        _custom("Number", "autonumber", auto_number={"prefix": "SUB-", "suffix": "", "start_number": "1"}),
        _custom("Contract_Code", "text", length=50, is_unique=True),
        _custom("Contact", "lookup", to="Contacts"),
        _custom("Successor", "lookup", to="Subscriptions"),
        _custom("Account_Manager", "userlookup"),
        _custom("Products", "multiselectlookup", to="Products"),
        _custom("Frequency", "picklist", values=FREQUENCIES),
        _custom("Channels", "multiselectpicklist", values=CHANNELS),
        _custom("Seats", "integer"),
        _custom("Meter_Reading", "bigint"),
        _custom("Price", "currency"),
        _custom("Weight", "double"),
        _custom("Discount", "percent"),
        _custom("Total", "formula", formula=total),
        _custom("Renews", "boolean"),
        _custom("Starts_On", "date"),
        _custom("Signed_At", "datetime"),
        _custom("Billing_Email", "email"),
        _custom("Hotline", "phone"),
        _custom("Portal", "website"),
        _custom("Remarks", "textarea"),
        _custom("History", "textarea", kind="large"),
        _custom("Terms", "textarea", kind="rich_text"),
        _custom("Contract_Files", "fileupload"),
        _custom("Photos", "imageupload"),
        _custom("Site_Position", "geolocation"),
        _custom("Margin", "currency", hidden_from=["Administrator", "Standard"]),
        _custom("Credit_Score", "integer", read_only_for=["Administrator", "Standard"]),
        *system_fields(),
    ]


def _wide() -> list[Item]:
    measures = [_custom(name, "double") for name in MEASURE_NAMES]
    return [
        _custom("Name", "text", "Site Survey Name", mandatory=True, display_field=True),
        _custom("Company", "lookup", to="Accounts"),
        _custom("Surveyed_On", "date"),
        _custom("Rating", "picklist", values=RATINGS),
        _custom("Remarks", "textarea", kind="large"),
        *measures,
        *system_fields(),
    ]


def _closed() -> list[Item]:
    return [
        _custom("Name", "text", mandatory=True, display_field=True),
        _custom("Salary", "currency"),
        *system_fields(),
    ]


def _register() -> list[Item]:
    return [
        _custom("Name", "text", mandatory=True, display_field=True),
        _custom("Contact", "lookup", to="Contacts"),
        _custom("Quantity", "integer"),
        _custom("Value", "currency"),
        _custom("Checked", "boolean"),
        _custom("Checked_At", "datetime"),
        _custom("Kind", "picklist", values=RATINGS),
        _custom("Remarks", "textarea"),
        *system_fields(),
    ]


def fields(extra: int) -> dict[str, list[Item]]:
    """The fields of the custom modules."""
    made = {"Subscriptions": _subscriptions(), WIDE_MODULE: _wide(), CLOSED_MODULE: _closed()}
    return made | {name: _register() for name in extra_names(extra)}
