"""What files on a host say: HAProxy's and Nginx' configuration. Pure."""
