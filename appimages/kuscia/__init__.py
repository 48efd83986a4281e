"""Kuscia's AppImage API: what its clients send is read, judged and answered as Kuscia does it."""
