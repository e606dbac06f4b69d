<?php
// The people of settings.json: `name:password` and attributes.

$settings = json_decode(file_get_contents(getenv('SIMPLESAMLPHP_CONFIG_DIR') . '/settings.json'), true);

$config = ['people' => ['exampleauth:UserPass'] + $settings['people']];
