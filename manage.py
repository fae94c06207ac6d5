#!/usr/bin/env python3
"""Django's command line, on the settings named by DJANGO_SETTINGS_MODULE (development if unset)."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "billing_site.settings.dev")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
