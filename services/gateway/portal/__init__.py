"""The public pages: HTML over the view functions of `services.gateway.views`. The portal decides nothing.

pages.py       the routes, Chinese at `/...` and English at `/en/...`; `scan_page` for the Digital Link paths
rendering.py   templates, page context, security headers, stylesheets
formats.py     numbers, days, ages and codes as people read them
charts.py      geometry of the server-drawn charts
texts/         every string, Chinese and English side by side
"""
