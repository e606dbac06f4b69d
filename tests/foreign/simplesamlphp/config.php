<?php
// SimpleSAMLphp as an identity provider for the interop tests. The folder it lives in and what it is told stand beside this file.

$folder = getenv('SIMPLESAMLPHP_CONFIG_DIR');
$settings = json_decode(file_get_contents("$folder/settings.json"), true);

$config = [
    'baseurlpath' => $settings['url'],
    'secretsalt' => $settings['salt'],
    'auth.adminpassword' => $settings['salt'],
    'technicalcontact_email' => 'na@example.org',
    'timezone' => 'UTC',

    'certdir' => "$folder/",
    'loggingdir' => "$folder/log/",
    'datadir' => "$folder/data/",
    'tempdir' => "$folder/temporary",
    'metadatadir' => "$folder/",
    'metadata.sources' => [['type' => 'flatfile']],
    'store.type' => 'phpsession',
    'session.phpsession.savepath' => "$folder/sessions",

    'enable.saml20-idp' => true,
    'module.enable' => ['core' => true, 'exampleauth' => true, 'saml' => true],
    'authproc.idp' => [],
    'admin.checkforupdates' => false,
    'production' => true,
    'errorreporting' => false,
    'logging.handler' => 'file',
    'logging.level' => SimpleSAML\Logger::INFO,
    'language.default' => 'en',
    'language.available' => ['en'],

    // It is reached without TLS, on loopback.
    'session.cookie.secure' => false,
    'session.cookie.samesite' => null,
    'session.phpsession.cookiename' => 'SimpleSAML',
    'language.cookie.secure' => false,
    'language.cookie.samesite' => null,
];

// Whom it may answer, in that service provider's own words.
if (is_file("$folder/service-provider.xml")) {
    $config['metadata.sources'][] = ['type' => 'xml', 'file' => "$folder/service-provider.xml"];
}
