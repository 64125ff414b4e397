"""The frontend: one page."""

PAGE = b"""<!doctype html>
<html lang="en"><head><title>Selextract</title></head>
<body><h1>Selextract</h1><p>The application of the lab.</p></body></html>
"""


def app(_environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(PAGE)))])
    return [PAGE]
