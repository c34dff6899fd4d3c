"""GS1 Digital Link at the root of the gateway: a page for a browser, the verdict for an app, a linkset when asked."""
