"""How a request comes in and an answer goes out: the server, the routes, what every call goes through."""
