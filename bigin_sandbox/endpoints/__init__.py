"""One file for each family of endpoints: request -> rules and store -> answer.

An endpoint is `def endpoint(call: ApiCall) -> Answer`; it answers or raises a `Refusal`. It finds
`call.store`, `call.user` (`call.user_id`, `call.zone`), `call.path_params["module"]`, `call.params`,
`call.headers` (lower case), `call.json` / `call.json_object()`, `call.form`, `call.context` (`clock`,
`settings`, and `part(SomeClass)` for what a family keeps that is no record). Each file ends in

    ROUTES = [
        Route("POST", "/{module}", insert_records, scopes=("ZohoBigin.modules.{module}.CREATE",),
              credits=price_of_write, sub_concurrency=is_large_write),
    ]

and `http.app` lists the files: that list is the table of contents of the API. A price or the class of
sub-concurrency is a constant or a function of the call; scopes must all be there; `base` is
`/bigin/v2` unless given. What every call goes through first (scheme, token, concurrency, credits,
scopes, faults, latency) is in `http.pipeline`, so no endpoint looks at a token.
"""
