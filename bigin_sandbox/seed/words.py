"""Words that the seeded data are made of; some beyond ASCII, as real names are."""

FIRST_NAMES = (  # noqa: SIM905 - a list of words reads better as a text
    "Ada Åsa Bruno Carla Chen Daniel Elif Emma Farid Greta Hana Hugo Inés Ivan Jonas Kaja Lena Liam Lucía "
    "Marek Mei Nadia Noah Olu Paul Priya Quentin Rosa Ruth Sami Sofia Tariq Tess Uma Victor Wanda Yusuf "
    "Zoë"
).split()
LAST_NAMES = (  # noqa: SIM905 - a list of words reads better as a text
    "Abbott Almeida Berg Brandt Castro Dahl Duarte Eriksen Fischer Garcia Haddad Ito Jansen Kaya Keller "
    "Lindqvist Lopez Moreau Müller Nguyen O'Brien Okafor Olsen Park Petrov Quinn Rossi Sato Schmidt Silva "
    "Singh Svensson Tanaka Torres Ueda Varga Weber Wójcik Yilmaz Zhang"
).split()
COMPANY_HEADS = (  # noqa: SIM905 - a list of words reads better as a text
    "Alder Amber Atlas Birch Blue Cedar Copper Coral Delta Ember Falcon Fjord Granite Harbor Iron Juniper "
    "Kestrel Lumen Maple Nordic Opal Orion Pine Quartz Raven Sable Silver Terra Umber Vista Willow Zephyr"
).split()
COMPANY_TAILS = (  # noqa: SIM905 - a list of words reads better as a text
    "Analytics Bakery Brewing Ceramics Clinic Design Electric Foods Freight Garden Glass Hotels Labs "
    "Lighting Logistics Media Motors Optics Paper Press Robotics Studio Supply Textiles Tools Travel "
    "Works"
).split()
COMPANY_FORMS = ("AB", "AS", "GmbH", "Inc.", "Ltd", "S.A.")
PLACES = (
    ("Stockholm", "Stockholm", "111 22", "Sweden"),
    ("München", "Bayern", "80331", "Germany"),
    ("São Paulo", "SP", "01310-100", "Brazil"),
    ("Austin", "TX", "78701", "United States"),
    ("Pune", "Maharashtra", "411001", "India"),
    ("大阪", "大阪府", "530-0001", "Japan"),
)
STREETS = ("High Street", "Hauptstraße", "Rua Augusta", "Station Road", "Market Lane", "Kungsgatan")
TITLES = ("CEO", "Buyer", "Head of Operations", "Office Manager", "Engineer", "CFO", "Marketing Lead")
SENTENCES = (
    "Met at the trade fair; asked for a quote.",
    "Prefers e-mail, calls only in the morning.",
    "Budget is decided in the spring.",
    'Said: "send the samples first", twice.',
    "Wants delivery in three parts;\nthe first before Easter.",
    "Happy with the last order 👍",
)
PRODUCT_KINDS = (
    "Desk Lamp",
    "Floor Lamp",
    "Street Light",
    "Sensor",
    "Dimmer",
    "Installation",
    "Care Plan",
    "Training",
)
TASKS = ("Send quote", "Follow up", "Prepare contract", "Check stock", "Ship samples", "Write summary")
EVENTS = ("Demo", "Kick-off", "Site visit", "Review", "Lunch", "Workshop")
TAGS = (
    ("vip", "#57B1FD"),
    ("newsletter", "#F48435"),
    ("partner", "#A8C026"),
    ("trade fair", "#969696"),
    ("at risk", "#E65C5C"),
    ("öko", "#63C57E"),
)
