"""How schemathesis sends what it made for a question of OCSP: as it is."""

import schemathesis


@schemathesis.serializer("application/ocsp-request")
def octets(context, value):
    return {"data": value if isinstance(value, bytes) else str(value).encode()}
