"""Controls of the sandbox under `/_sandbox/`: outside the API, without a token, not counted.

    GET    usage                     calls, credits, by_endpoint, statuses, most_in_flight, …
    GET    dump?module=Contacts      every record as GET /{module}/{id} shows it; times in UTC
    GET    deleted?module=Contacts   the recycle bin, whatever its age
    GET    settings                  what the sandbox runs with
    POST   settings  {"ims": "ignored", …}          behave differently from now on
    POST   reset     {"seed": 2, "size": "medium"}  a fresh organisation; settings as they were but for these
    POST   mutate    [{"op": "create"|"edit"|"delete"|"restore"|"purge", "module", "id", "data"}]
    POST   faults    [{"match": "POST /Contacts", "status": 500, "times": 2}]   see `faults`
    GET    faults                    those still to come
    DELETE faults
    POST   clock     {"advance": seconds} | {"set": "2026-03-29T00:59:50Z"} | {"freeze": true|false}
    GET    clock
    POST   expire_tokens             end every access token
"""
