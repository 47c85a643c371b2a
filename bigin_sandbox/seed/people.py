"""Users, profiles, roles and the organisation itself. Source: read.md 3.7."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Item = dict[str, Any]

CREATED = "2024-01-04T09:00:00Z"
CLOSED_PROFILE = "Finance"  # the only profile that the closed module is open to
ADMINISTRATOR, STANDARD = "Administrator", "Standard"

# first name, last name, zone, offset in milliseconds, profile, role, status; the first is the token's user
_USERS = [
    ("Ann", "Ek", "Europe/Stockholm", 3_600_000, ADMINISTRATOR, "CEO", "active"),
    ("Luis", "Ortega", "America/New_York", -18_000_000, STANDARD, "Sales", "active"),
    ("Priya", "Raman", "Asia/Kolkata", 19_800_000, STANDARD, "Sales", "active"),
    ("Tom", "Hale", "UTC", 0, STANDARD, "Sales", "active"),
    ("Mina", "Sato", "Asia/Tokyo", 32_400_000, ADMINISTRATOR, "CEO", "active"),
    ("Olga", "Brandt", "Europe/Berlin", 3_600_000, CLOSED_PROFILE, "CEO", "active"),
    ("Jim", "Gone", "America/Chicago", -21_600_000, STANDARD, "Sales", "disabled"),
]


def profiles(ids: Any) -> list[Item]:
    """Administrator and Standard, and a third that no token has."""
    return [
        {
            "id": ids.next(),
            "name": name,
            "display_label": name,
            "description": f"{name} profile",
            "category": name not in {ADMINISTRATOR, STANDARD},
            "custom": name not in {ADMINISTRATOR, STANDARD},
            "created_time": None,
            "modified_time": CREATED,
            "created_by": None,
            "modified_by": None,
        }
        for name in (ADMINISTRATOR, STANDARD, CLOSED_PROFILE)
    ]


def roles(ids: Any) -> list[Item]:
    """CEO, and Sales below."""
    ceo, sales = ids.next(), ids.next()
    shared = {"description": None, "share_with_peers": False}
    return [
        {"id": ceo, "name": "CEO", "display_label": "CEO", "reporting_to": None, **shared},
        {
            "id": sales,
            "name": "Sales",
            "display_label": "Sales",
            "reporting_to": {"name": "CEO", "id": ceo},
            **shared,
        },
    ]


def users(ids: Any, profiles_: list[Item], roles_: list[Item]) -> list[Item]:
    """The organisation's people; mixed case in the keys is real."""
    profile_ids = {profile["name"]: profile["id"] for profile in profiles_}
    role_ids = {role["name"]: role["id"] for role in roles_}
    numbered = [ids.next() for _ in _USERS]
    made = []
    for user_id, (first, last, zone, offset, profile, role, status) in zip(numbered, _USERS, strict=True):
        by = {"name": f"{_USERS[0][0]} {_USERS[0][1]}", "id": numbered[0]}
        made.append(
            {
                "id": user_id,
                "full_name": f"{first} {last}",
                "first_name": first,
                "last_name": last,
                "email": f"{first}.{last}@example.org".lower(),
                "zuid": str(60_000_000_000 + int(user_id) % 1_000_000),
                "role": {"name": role, "id": role_ids[role]},
                "profile": {"name": profile, "id": profile_ids[profile]},
                "created_by": by,
                "Modified_By": by,
                "created_time": CREATED,
                "Modified_Time": CREATED,
                "status": status,
                "category": "regular_user",
                "confirm": status == "active",
                "time_zone": zone,
                "offset": offset,
                "language": "en_US",
                "locale": "en_US",
                "country_locale": "en_US",
                "date_format": "MM/dd/yyyy",
                "time_format": "hh:mm a",
                "name_format": "Salutation,First Name,Last Name",
                "sort_order_preference": "First Name,Last Name",
                "decimal_separator": "Period",
                "number_separator": "Comma",
                "default_tab_group": "0",
                **dict.fromkeys(_EMPTY_USER_KEYS),
                "theme": deepcopy(THEME),
                "customize_info": {"notes_desc": None, "show_right_panel": None, "show_home": True},
                "sandboxDeveloper": False,
                "microsoft": False,
                "personal_account": False,
                "Isonline": False,
            }
        )
    return made


THEME: Item = {  # the keys of the platform's schema of users
    "normal_tab": {"font_color": "#FFFFFF", "background": "#222222"},
    "selected_tab": {"font_color": "#FFFFFF", "background": "#222222"},
    "new_background": None,
    "background": "#F3F0EB",
    "screen": "fixed",
    "type": "default",
}
_EMPTY_USER_KEYS = (
    "mobile",
    "phone",
    "fax",
    "website",
    "street",
    "city",
    "state",
    "zip",
    "country",
    "alias",
    "signature",
    "dob",
    "Preferred_Currency__s",
    "status_reason__s",
    "$current_shift",
    "$next_shift",
    "$shift_effective_from",
)


def org(ids: Any, edition: str, users_: list[Item], *, seed: int) -> Item:
    """The organisation as `/org` prints it; another seed is another organisation."""
    paid = edition != "free"
    number = str(600_123_455 + seed)
    return {
        "id": ids.next(),
        "company_name": "Northwind Lamps",
        "zgid": number,
        "domain_name": f"org{number}",
        "primary_zuid": users_[0]["zuid"],
        "primary_email": users_[0]["email"],
        "currency": "US Dollar - USD",
        "currency_symbol": "$",
        "currency_locale": "en_US",
        "iso_code": "USD",
        "time_zone": "Europe/Stockholm",
        "country_code": "SE",
        "country": "Sweden",
        "city": "Stockholm",
        "state": None,
        "street": "Hornsgatan 1",
        "zip": "118 20",
        "phone": "+46 8 555 0100",
        "mobile": None,
        "fax": None,
        "website": "https://lamps.example.org",
        "alias": None,
        "description": None,
        "employee_count": "25",
        "photo_id": None,
        "zia_portal_id": None,
        "hierarchy_preferences": {"type": "ROLE_HIERARCHY"},
        "mc_status": False,
        "gapps_enabled": False,
        "lite_users_enabled": False,
        "translation_enabled": False,
        "privacy_settings": False,
        "hipaa_compliance_enabled": False,
        "deletable_org_account": True,
        "license_details": {
            "paid": paid,
            "paid_type": "express" if paid else "free",
            "paid_expiry": None,
            "trial_type": None,
            "trial_expiry": None,
            "users_license_purchased": len(users_),
            "portal_users_license_purchased": 0,
        },
    }
