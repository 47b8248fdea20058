"""What lies under the requests of a connection: the imported client, the session, TLS and its certificates, the way through a proxy."""
