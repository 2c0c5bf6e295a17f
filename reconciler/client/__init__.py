"""The API over HTTP: addresses in, what it holds out, in few requests and with good manners."""
