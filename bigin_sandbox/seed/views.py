"""Layouts (of Pipelines: the Team Pipelines), custom views and related lists. Source: read.md 3.4-3.6."""

from __future__ import annotations

from typing import Any

from bigin_sandbox.seed.people import ADMINISTRATOR, CREATED
from bigin_sandbox.seed.shape import Item
from bigin_sandbox.seed.standard import STAGE_LABELS, TEAM_PIPELINES

# module -> related lists: api_name, label, module (None: it is no module), kind
RELATED_LISTS: dict[str, list[tuple[str, str, str | None]]] = {
    "Contacts": [
        ("Notes", "Notes", "Notes"),
        ("Attachments", "Attachments", "Attachments"),
        ("Emails", "Emails", None),
        ("Pipelines", "Pipelines", "Pipelines"),
        ("Products", "Products", "Products"),
        ("Tasks", "Tasks", "Tasks"),
        ("Events", "Events", "Events"),
        ("Calls", "Calls", "Calls"),
        ("Subscriptions", "Subscriptions", "Subscriptions"),
    ],
    "Accounts": [
        ("Notes", "Notes", "Notes"),
        ("Attachments", "Attachments", "Attachments"),
        ("Contacts", "Contacts", "Contacts"),
        ("Pipelines", "Pipelines", "Pipelines"),
        ("Emails", "Emails", None),
        ("Tasks", "Tasks", "Tasks"),
        ("Events", "Events", "Events"),
        ("Calls", "Calls", "Calls"),
    ],
    "Pipelines": [
        ("Notes", "Notes", "Notes"),
        ("Attachments", "Attachments", "Attachments"),
        ("Emails", "Emails", None),
        ("Products", "Products", "Products"),
        ("Secondary_Contacts", "Secondary Contacts", "Contacts"),
        ("Tasks", "Tasks", "Tasks"),
        ("Events", "Events", "Events"),
        ("Calls", "Calls", "Calls"),
    ],
    "Products": [
        ("Notes", "Notes", "Notes"),
        ("Attachments", "Attachments", "Attachments"),
        ("Contacts", "Contacts", "Contacts"),
        ("Pipelines", "Pipelines", "Pipelines"),
    ],
    "Tasks": [("Notes", "Notes", "Notes"), ("Attachments", "Attachments", "Attachments")],
    "Events": [("Notes", "Notes", "Notes"), ("Attachments", "Attachments", "Attachments")],
    "Calls": [("Notes", "Notes", "Notes")],
}

# module -> custom views besides "All …": name, criteria
_VIEWS: dict[str, list[tuple[str, Item]]] = {
    "Contacts": [
        ("Without Company", {"comparator": "is_empty", "field": "Account_Name", "value": "${EMPTY}"}),
        ("Opted Out", {"comparator": "equal", "field": "Email_Opt_Out", "value": True}),
    ],
    "Pipelines": [
        (
            "Large Open Deals",
            {
                "group_operator": "and",
                "group": [
                    {"comparator": "greater_equal", "field": "Amount", "value": 10000},
                    {"comparator": "not_equal", "field": "Stage", "value": "Closed Lost"},
                ],
            },
        ),
    ],
    "Tasks": [("Completed Tasks", {"comparator": "equal", "field": "Status", "value": "Completed"})],
}


def layouts(module: str, fields: list[Item], ids: Any, profiles: list[Item]) -> list[Item]:
    """One layout a module; of Pipelines one for each Team Pipeline."""
    if module != "Pipelines":
        return [_layout("Standard", "Standard", fields, ids, profiles)]
    return [
        _layout(name, f"Pipeline{place}", _of_team_pipeline(fields, name), ids, profiles)
        for place, name in enumerate(TEAM_PIPELINES, start=1)
    ]


def _layout(name: str, api_name: str, fields: list[Item], ids: Any, profiles: list[Item]) -> Item:
    administrator = next(profile for profile in profiles if profile["name"] == ADMINISTRATOR)
    return {
        "id": ids.next(),
        "name": name,
        "api_name": api_name,
        "display_label": name,
        "status": "active",
        "visible": True,
        "source": "crm",
        "generated_type": "default",
        "has_more_profiles": False,
        "created_time": None,
        "modified_time": CREATED,
        "created_by": None,
        "modified_by": None,
        "profiles": [{"name": administrator["name"], "id": administrator["id"], "default": True}],
        "sections": [
            {
                "api_name": "Information",
                "name": "Information",
                "display_label": "Information",
                "sequence_number": 1,
                "column_count": 2,
                "type": "used",
                "generated_type": "default",
                "isSubformSection": False,
                "fields": [_placed(field, place) for place, field in enumerate(fields, start=1)],
            }
        ],
    }


def _placed(field: Item, place: int) -> Item:
    """A field in a layout: this one may ask for what the field itself does not."""
    return {
        **{key: value for key, value in field.items() if key != "system_mandatory"},
        "required": field["system_mandatory"],
        "sequence_number": place,
        "section_id": 1,
        "default_value": None,
        "validation_rule": None,
    }


def _of_team_pipeline(fields: list[Item], name: str) -> list[Item]:
    """The fields with this Team Pipeline's sub-pipelines, each with its stages.

    All but the first ask for a Closing_Date, which the field itself does not.
    """
    stages = next(field for field in fields if field["api_name"] == "Stage")
    stage_ids = {value["actual_value"]: value["id"] for value in stages["pick_list_values"]}
    sub_pipelines = TEAM_PIPELINES[name]
    made = []
    for field in fields:
        own = dict(field)
        if own["api_name"] == "Closing_Date":
            own["system_mandatory"] = name != next(iter(TEAM_PIPELINES))
        if own["api_name"] == "Sub_Pipeline":
            own["pick_list_values"] = [
                {
                    **value,
                    "maps": [
                        {"api_name": "Stage", "pick_list_values": _stages(sub_pipelines, value, stage_ids)}
                    ],
                }
                for value in own["pick_list_values"]
                if value["actual_value"] in sub_pipelines
            ]
        if own["api_name"] == "Stage":
            used = {stage for names in sub_pipelines.values() for stage in names}
            own["pick_list_values"] = [
                value for value in own["pick_list_values"] if value["actual_value"] in used
            ]
        made.append(own)
    return made


def _stages(sub_pipelines: dict[str, list[str]], value: Item, stage_ids: dict[str, str]) -> list[Item]:
    return [
        {
            "id": stage_ids[stage],
            "display_value": STAGE_LABELS.get(stage, stage),
            "actual_value": stage,
            "sequence_number": place,
        }
        for place, stage in enumerate(sub_pipelines[value["actual_value"]], start=1)
    ]


def custom_views(module: Item, fields: list[Item], ids: Any) -> list[Item]:
    """`All …`, and what `_VIEWS` adds; criteria, fields and sorting are shown of a single one only."""
    by_name = {field["api_name"]: field for field in fields}
    shown = [{"api_name": name, "id": field["id"]} for name, field in list(by_name.items())[:8]]
    views: list[tuple[str, Item | None]] = [(f"All {module['plural_label']}", None)]
    views += _VIEWS.get(module["api_name"], [])
    return [
        {
            "id": ids.next(),
            "name": name,
            "display_value": name,
            "system_name": "ALLVIEWS" if criteria is None else name.upper().replace(" ", ""),
            "system_defined": criteria is None,
            "default": criteria is None,
            "category": "public_views",
            "favorite": None,
            "locked": False,
            "created_time": None,
            "modified_time": None,
            "last_accessed_time": None,
            "created_by": None,
            "modified_by": None,
            "criteria": criteria and _criteria(criteria, by_name),
            "fields": shown,
            "sort_by": None,
            "sort_order": None,
        }
        for name, criteria in views
    ]


def _criteria(criteria: Item, fields: dict[str, Item]) -> Item:
    if "group" in criteria:
        return {**criteria, "group": [_criteria(part, fields) for part in criteria["group"]]}
    field = {"api_name": criteria["field"], "id": fields[criteria["field"]]["id"]}
    return {**criteria, "field": field}


def related_lists(module: str, modules: dict[str, Item], ids: Any) -> list[Item]:
    """The related lists of a module; `sequence_number` is a string, `module` null for e-mails."""
    return [
        {
            "id": ids.next(),
            "api_name": name,
            "name": label,
            "display_label": label,
            "module": {"api_name": of, "id": modules[of]["id"]} if of else None,
            "type": "multiselectlookup" if name == "Secondary_Contacts" else "default",
            "sequence_number": str(place),
            "href": f"{module}/{{ENTITYID}}/{name}",
            "action": None,
            "status": "visible",
            "connectedmodule": None,
            "linkingmodule": None,
            "customize_sort": True,
            "customize_fields": True,
            "customize_display_label": True,
        }
        for place, (name, label, of) in enumerate(RELATED_LISTS.get(module, []), start=1)
    ]
