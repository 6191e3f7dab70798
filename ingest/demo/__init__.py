"""
A morning of traffic, played into a daemon of its own over the real protocols.

``scenes.py`` is the morning as data, ``script.py`` says what a scene is, ``comparison.py`` whether
it went as wanted. ``town.py`` is the world around the daemon, ``stage.py`` the daemon in its
throw-away folder, ``couriers.py`` carries the messages, ``play.py`` runs it all and ``display.py``
shows it.
"""
